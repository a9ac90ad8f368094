//! Endpoints: extract, call a rule, reply.

pub mod builds;
pub mod internal;
pub mod logs;
pub mod quotas;
pub mod sources;
mod views;
