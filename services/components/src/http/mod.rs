//! Handlers: extract, call a rule, reply.

pub mod config;
pub mod deploy_tokens;
pub mod deployments;
pub mod environments;
pub mod forge_webhooks;
pub mod internal;
pub mod repository_links;
pub mod revisions;
