//! Deployments.

use std::collections::BTreeMap;

use hearth_base::{Id, IdKind, PageCursor};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{DeploySource, repository_link_id::RepositoryLinkId};

/// Kind of [`DeploymentId`].
#[derive(Debug)]
pub enum DeploymentKind {}

impl IdKind for DeploymentKind {
    const ID_PREFIX: &'static str = "deployment";
}

/// Id of a deployment.
pub type DeploymentId = Id<DeploymentKind>;

/// Deployment: builds a source and starts the result, step by step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::Deployment)]
pub struct Deployment {
    /// Id of the deployment.
    #[schema(value_type = String)]
    pub deploy_id: DeploymentId,
    /// Time of the request.
    #[schema(value_type = String, format = DateTime)]
    pub creation_time: Timestamp,
    /// Time of the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub end_time: Option<Timestamp>,
    /// Description of the change.
    pub description: String,
    /// Author, as in `user ada`.
    #[serde(default)]
    pub by: String,
    /// Source of the deployment.
    pub source: DeploySource,
    /// Builds of the deployment, by component.
    pub builds: BTreeMap<String, BuildInfo>,
    /// Started jobs of the deployment, by component.
    pub runs: BTreeMap<String, RunInfo>,
    /// Configuration of the deployment; absent for a deployment without a configuration.
    #[serde(default)]
    pub tool_config: Option<serde_json::Value>,
    /// State of the deployment.
    pub status: DeploymentState,
    /// State as a sentence: the reason of the outcome, or the current step.
    pub long_status: String,
    /// Stable error code behind `long_status`, after a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Class of the failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_class: Option<DeploymentFailureClass>,
    /// Next step for the user, after a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Value from the request.
    pub force_build: bool,
    /// Value from the request.
    pub force_run: bool,
    /// Steps, in order.
    #[serde(default)]
    pub steps: Vec<DeploymentStep>,
    /// Number of the revision that the deployment created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    /// Number of the running revision, when the deployment ended without a revision of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub still_running: Option<u32>,
    /// Schedule of a component that is a scheduled job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// Linked repository whose push started the deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub repository_link: Option<RepositoryLinkId>,
    /// Environment that the deployment changes; absent for production.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Names of the jobs that the deployment has removed, because the configuration no longer names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
    /// URL of the tool's web page, after the deployment switched to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Version of this document; it grows with each change. Pass it as `after` to wait for the next change.
    #[serde(default)]
    pub version: u64,
}

/// State of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::DeploymentState)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentState {
    /// The deployment is queued.
    Pending,
    /// The deployment is running.
    Running,
    /// The deployment failed; the previous revision is still running.
    Failed,
    /// The deployment exceeded its time limit; the previous revision is still running.
    TimedOut,
    /// The new revision is running.
    Successful,
    /// The deployment is being cancelled.
    Cancelling,
    /// The deployment was cancelled.
    Cancelled,
}

/// Class of a failed deployment: what has to change before it can succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::DeploymentFailureClass)]
#[serde(rename_all = "kebab-case")]
pub enum DeploymentFailureClass {
    /// The build failed: its own failure says why.
    Build,
    /// The image has no process of the required name.
    StartCommandMissing,
    /// The program ended right after its start.
    Crash,
    /// The program listens on another port, or where only its own container reaches it.
    Port,
    /// The program was not ready in time.
    Timeout,
    /// Another reason.
    #[serde(other)]
    Other,
}

impl DeploymentState {
    /// True when the deployment has ended and cannot change any more.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Failed | Self::TimedOut | Self::Successful | Self::Cancelled)
    }
}

/// Step of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::Step)]
pub struct DeploymentStep {
    /// Name of the step.
    pub name: StepName,
    /// State of the step.
    pub state: StepState,
    /// Result of the step, or its current wait, as a sentence; may be empty.
    #[serde(default)]
    pub message: String,
    /// Start of the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started: Option<Timestamp>,
    /// End of the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended: Option<Timestamp>,
}

/// Steps of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[schema(as = components::StepName)]
#[serde(rename_all = "lowercase")]
pub enum StepName {
    /// Resolve the source.
    Source,
    /// Build an image from the source.
    Build,
    /// Check that the image can be run.
    Check,
    /// Start the job with the image.
    Start,
    /// Wait until the new containers are ready.
    Switch,
}

impl StepName {
    /// All steps, in order.
    pub const ALL: [Self; 5] = [Self::Source, Self::Build, Self::Check, Self::Start, Self::Switch];
}

/// State of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::StepState)]
#[serde(rename_all = "lowercase")]
pub enum StepState {
    /// The step has not started.
    Waiting,
    /// The step is running.
    Running,
    /// The step has succeeded.
    Done,
    /// The step was not needed.
    Skipped,
    /// The step has failed.
    Failed,
}

/// Build of a component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::BuildInfo)]
pub struct BuildInfo {
    /// Id of the build, `no-id-yet` or `no-build-needed`.
    pub build_id: String,
    /// State of the build.
    pub build_status: BuildState,
    /// Name of the image, or `no-image-yet`.
    pub build_image: String,
    /// State of the build, as a sentence.
    pub build_long_status: String,
}

/// State of a component's build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::BuildState)]
#[serde(rename_all = "lowercase")]
pub enum BuildState {
    /// The build is queued.
    Pending,
    /// The build is running.
    Running,
    /// The build failed.
    Failed,
    /// The build has produced an image.
    Successful,
    /// The state is unknown.
    Unknown,
    /// The build was not needed.
    Skipped,
    /// The build was cancelled.
    Cancelled,
}

/// Start of a component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::RunInfo)]
pub struct RunInfo {
    /// State of the start.
    pub run_status: ComponentRunState,
    /// State of the start, as a sentence.
    pub run_long_status: String,
}

/// State of a component's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::RunState)]
#[serde(rename_all = "lowercase")]
pub enum ComponentRunState {
    /// The start is queued or running.
    Pending,
    /// The start failed.
    Failed,
    /// The component is running.
    Successful,
    /// The start was not needed.
    Skipped,
    /// The state is unknown.
    Unknown,
}

/// Deployments, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::DeploymentList)]
pub struct DeploymentList {
    /// Deployments of this page.
    pub deployments: Vec<Deployment>,
    /// Cursor of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub next: Option<PageCursor>,
}

/// Options of waiting for a deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct DeploymentQuery {
    /// Seconds to wait for a change: at most 25.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(maximum = 25)]
    pub wait: Option<u64>,
    /// Last seen `version`; absent: wait until the deployment has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}
