//! Workloads: what the runtime is told, and what it says, kept.

pub mod launch;
pub mod observe;
pub mod probes;
pub mod reconcile;
