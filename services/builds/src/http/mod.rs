//! Endpoints: extract, call a rule, reply.

pub mod builders;
pub mod builds;
pub mod internal;
pub mod logs;
pub mod outside_builders;
pub mod package_sources;
pub mod provenance;
pub mod quotas;
pub mod reports;
pub mod sbom;
pub mod source_credentials;
pub mod sources;
mod views;
