//! Handlers: extract, call a rule, reply.

pub mod files;
pub mod folders;
mod views;
pub mod volumes;
