//! Handlers: extract, call a rule, reply.

pub mod mail;
pub mod webhooks;
