//! Workloads: what the runtime should have, and how far it has been told.

pub mod plan;
pub mod workload;

pub use plan::{Asked, Plan, Share};
pub use workload::{Known, Taken, Workload};
