//! Workloads: launches them, reconciles them with the runtime and records reported states.

pub mod credential;
pub mod launch;
pub mod observe;
pub mod probes;
pub mod reconcile;
