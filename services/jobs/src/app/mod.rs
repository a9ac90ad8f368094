//! The rules, a room for each domain; no HTTP, no SQL.
//!
//! A room uses those above it and none below it: `definition`, `quota`, `routing`, `runs`, `metrics`, `workloads`,
//! `scheduling`, `exec`, `view`, `jobs`.

pub mod definition;
pub mod exec;
pub mod jobs;
pub mod metrics;
pub mod quota;
pub mod routing;
pub mod runs;
pub mod scheduling;
pub mod view;
pub mod workloads;
