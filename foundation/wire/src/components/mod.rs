//! Deployments of tools: `/components/v1`.

mod create;
mod deploy_token;
mod deployment;
mod revision;

pub use create::{DeploySource, DeploymentCreate, DeploymentCreateQuery, GitSource};
pub use deploy_token::{DEPLOY_TOKEN_PARAMETER, DeployToken};
pub use deployment::{
    BuildInfo, BuildState, ComponentRunState, Deployment, DeploymentFailureClass, DeploymentId,
    DeploymentList, DeploymentQuery, DeploymentState, DeploymentStep, RunInfo, StepName, StepState,
};
pub use revision::{Revision, RevisionList};

/// Default name of a component: the process `web` of the image.
pub const DEFAULT_COMPONENT: &str = "web";
