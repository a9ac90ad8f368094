//! Handlers: extract, call a rule, reply.

pub mod deployments;
pub mod revisions;
