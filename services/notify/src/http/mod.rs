//! Handlers: extract, call a rule, reply.

pub mod internal;
pub mod mail;
pub mod webhooks;
