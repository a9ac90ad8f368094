//! Tests of the build service on each database, with real git repositories on the loopback interface.
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod builders;
mod document;
mod fixture;
mod kills;
mod leases;
mod lifecycle;
mod logs;
mod provenance;
mod queue_places;
mod ref_lists;
mod repositories;
mod uploads;
