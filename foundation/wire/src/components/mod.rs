//! From a source to a running tool: `/components/v1`.

mod create;
mod deployment;
mod revision;

pub use create::{DeploySource, DeploymentCreate, DeploymentCreateQuery, GitSource};
pub use deployment::{
    BuildInfo, BuildState, Deployment, DeploymentId, DeploymentList, DeploymentQuery, DeploymentState,
    RunInfo, RunState, Step, StepName, StepState,
};
pub use revision::{Revision, RevisionList};

/// The name that a component has when none is given: the process `web` of the image.
pub const WEB: &str = "web";
