//! Deployments.

use std::collections::BTreeMap;

use hearth_base::{Cursor, Id, IdKind};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::DeploySource;

/// What a [`DeploymentId`] names.
#[derive(Debug)]
pub enum OfDeployment {}

impl IdKind for OfDeployment {
    const PREFIX: &'static str = "deployment";
}

/// One deployment.
pub type DeploymentId = Id<OfDeployment>;

/// A deployment: from a source to what runs, step by step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::Deployment)]
pub struct Deployment {
    /// Its id.
    #[schema(value_type = String)]
    pub deploy_id: DeploymentId,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    pub creation_time: Timestamp,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub end_time: Option<Timestamp>,
    /// What it is and why.
    pub description: String,
    /// Who asked for it, as in `user ada`.
    #[serde(default)]
    pub by: String,
    /// Where it comes from.
    pub source: DeploySource,
    /// The builds that it needs, by component.
    pub builds: BTreeMap<String, BuildInfo>,
    /// What it starts, by component.
    pub runs: BTreeMap<String, RunInfo>,
    /// The configuration that it follows; absent for what was deployed without one.
    #[serde(default)]
    pub tool_config: Option<serde_json::Value>,
    /// How it is doing.
    pub status: DeploymentState,
    /// The same in a sentence: why it ended as it did, or where it is.
    pub long_status: String,
    /// The stable word behind `long_status`, when it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What to do next, when it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// As asked for.
    pub force_build: bool,
    /// As asked for.
    pub force_run: bool,
    /// Its steps, in order.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// The revision that it left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    /// The revision that runs when this one ended without one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub still_running: Option<u32>,
    /// Where the tool's page is, once this has switched to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Counts its changes: `after` it to wait for the next.
    #[serde(default)]
    pub version: u64,
}

/// How a deployment is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::DeploymentState)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentState {
    /// It waits for its turn.
    Pending,
    /// It is under way.
    Running,
    /// It ended, and what ran before still does.
    Failed,
    /// It took too long, and what ran before still does.
    TimedOut,
    /// What it brought runs.
    Successful,
    /// It is being taken back.
    Cancelling,
    /// It was taken back.
    Cancelled,
}

impl DeploymentState {
    /// Whether nothing more happens to it.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Failed | Self::TimedOut | Self::Successful | Self::Cancelled)
    }
}

/// One step of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::Step)]
pub struct Step {
    /// Which one.
    pub name: StepName,
    /// How it is doing.
    pub state: StepState,
    /// What it found or waits for, in a sentence; or empty.
    #[serde(default)]
    pub message: String,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started: Option<Timestamp>,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended: Option<Timestamp>,
}

/// The steps of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[schema(as = components::StepName)]
#[serde(rename_all = "lowercase")]
pub enum StepName {
    /// The source is found.
    Source,
    /// An image is made from it.
    Build,
    /// It is checked that the image can be run.
    Check,
    /// The job is given the image.
    Start,
    /// It is waited for until what is new answers.
    Switch,
}

impl StepName {
    /// All of them, in order.
    pub const ALL: [Self; 5] = [Self::Source, Self::Build, Self::Check, Self::Start, Self::Switch];
}

/// How a step is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::StepState)]
#[serde(rename_all = "lowercase")]
pub enum StepState {
    /// It has not begun.
    Waiting,
    /// It is under way.
    Running,
    /// It is done.
    Done,
    /// It was not needed.
    Skipped,
    /// It could not be done.
    Failed,
}

/// A component's build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::BuildInfo)]
pub struct BuildInfo {
    /// Its id, `no-id-yet` or `no-build-needed`.
    pub build_id: String,
    /// How it is doing.
    pub build_status: BuildState,
    /// The image, or `no-image-yet`.
    pub build_image: String,
    /// How it is doing, in a sentence.
    pub build_long_status: String,
}

/// How a component's build is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::BuildState)]
#[serde(rename_all = "lowercase")]
pub enum BuildState {
    /// It waits.
    Pending,
    /// It is under way.
    Running,
    /// There is no image.
    Failed,
    /// There is an image.
    Successful,
    /// Nobody knows.
    Unknown,
    /// It was not needed.
    Skipped,
    /// It was cancelled.
    Cancelled,
}

/// A component's start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::RunInfo)]
pub struct RunInfo {
    /// How it is doing.
    pub run_status: RunState,
    /// The same in a sentence.
    pub run_long_status: String,
}

/// How a component's start is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::RunState)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// It waits, or is under way.
    Pending,
    /// It does not run.
    Failed,
    /// It runs.
    Successful,
    /// It was not needed.
    Skipped,
    /// Nobody knows.
    Unknown,
}

/// Deployments, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::DeploymentList)]
pub struct DeploymentList {
    /// The deployments of this page.
    pub deployments: Vec<Deployment>,
    /// The `cursor` of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub next: Option<Cursor>,
}

/// How long to wait for news of a deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct DeploymentQuery {
    /// How many seconds to wait for a change: at most 25.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(maximum = 25)]
    pub wait: Option<u64>,
    /// The `version` that is known; absent: wait until it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}
