//! Tests of the build service on each database, with real git repositories on the loopback interface.
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod audited_changes;
mod builders;
mod document;
mod events;
mod fixture;
mod kills;
mod leases;
mod lifecycle;
mod logs;
mod outside_builders;
mod outside_fixture;
mod outside_kills;
mod outside_races;
mod package_sources;
mod previews;
mod provenance;
mod queue_places;
mod ref_lists;
mod registry_tokens;
mod repositories;
mod reuse;
mod sbom;
mod source_credentials;
mod uploads;
