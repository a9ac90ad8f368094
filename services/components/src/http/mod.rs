//! Handlers: extract, call a rule, reply.

pub mod config;
pub mod deploy_tokens;
pub mod deployments;
pub mod environments;
pub mod internal;
pub mod revisions;
