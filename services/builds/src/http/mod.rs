//! Endpoints: extract, call a rule, reply.

pub mod builders;
pub mod builds;
pub mod internal;
pub mod logs;
pub mod package_sources;
pub mod outside_builders;
pub mod provenance;
pub mod quotas;
pub mod sbom;
pub mod reports;
pub mod sources;
mod views;
