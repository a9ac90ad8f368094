//! Workloads: the desired state of the runtime, and the generation that it accepted.

pub mod credential;
mod credential_queries;
pub mod plan;
pub mod workload;

pub use credential::RunCredential;
pub use plan::{PreviewPlan, ResourceShare, StartupCheck, WorkloadPlan};
pub use workload::{ReservedResources, Workload, WorkloadRef};
