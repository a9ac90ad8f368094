//! The rules, one module per domain, without HTTP and SQL.
//!
//! A module uses only those before it in this list: `definition`, `quota`, `routing`, `runs`, `metrics`,
//! `workloads`,
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
