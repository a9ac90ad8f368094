//! Endpoints: extract, call a rule, reply.

pub mod builders;
pub mod builds;
pub mod internal;
pub mod logs;
pub mod provenance;
pub mod quotas;
pub mod sources;
mod views;
