//! Handlers: extract, call a rule, reply.

pub mod internal;
pub mod jobs;
pub mod tool;

mod reply;
