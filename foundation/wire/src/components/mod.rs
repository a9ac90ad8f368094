//! Deployments of tools: `/components/v1`.

mod config;
mod create;
mod deploy_token;
mod deployment;
mod environment;
pub mod events;
mod hearth_config;
mod plan;
mod repository_link;
mod repository_link_id;
mod revision;

pub use config::{
    ConfigDocument, ConfigQuery, ContinuousToolComponent, ContinuousToolRun, ContinuousType,
    ScheduledToolComponent, ScheduledToolRun, ScheduledType, ToolBuild, ToolBuildReference, ToolComponent,
    ToolConfig, ToolConfigVersion, ToolSourceBuild,
};
pub use create::{DeploySource, DeploymentCreate, DeploymentCreateQuery, GitSource};
pub use deploy_token::{DEPLOY_TOKEN_PARAMETER, DeployToken};
pub use deployment::{
    BuildInfo, BuildState, ComponentRunState, Deployment, DeploymentFailureClass, DeploymentId,
    DeploymentList, DeploymentQuery, DeploymentState, DeploymentStep, RunInfo, StepName, StepState,
};
pub use environment::{Environment, EnvironmentList};
pub use hearth_config::{
    FrontEndChoice, HearthBuild, HearthBuildDefaults, HearthComponent, HearthComponentType, HearthConfig,
    HearthConfigVersion, HearthEnvironment, HearthPreviews, OneOffTime, PreviewLifetimeDocument,
    SleepTimeDocument,
};
pub use plan::{
    DeploymentPlan, DeploymentPlanQuery, FieldChange, PlannedAction, PlannedComponent, compare_jobs,
};
pub use repository_link::{
    ForgeDelivery, ForgeDeliveryId, ForgeDeliveryOutcome, ForgeKind, ForgeReceipt, PreviewSource,
    RepositoryLink, RepositoryLinkCreate, RepositoryLinkList, RepositoryLinkPatch, RepositoryLinkSecret,
};
pub use repository_link_id::RepositoryLinkId;
pub use revision::{ComponentPhase, Revision, RevisionComponent, RevisionList};

/// Default name of a component: the process `web` of the image.
pub const DEFAULT_COMPONENT: &str = "web";
