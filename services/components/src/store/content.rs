//! The content of a deployment, and the form in which its row stores it.

use std::collections::{BTreeMap, BTreeSet};

use hearth_base::{BuildId, EnvironmentName, JobName, MandateId, PreviewNumber, ToolName};
use hearth_wire::{
    components::{DeploySource, DeploymentState, DeploymentStep, RepositoryLinkId, StepName},
    jobs::JobCreate,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::spec::{ComponentImage, ComponentPhase, ComponentSpec, ToolSpec};

/// The content of a deployment.
#[derive(Debug, Clone)]
pub struct DeploymentContent {
    pub created: Timestamp,
    pub ended: Option<Timestamp>,
    pub by: String,
    pub description: String,
    /// The name of the tool when the deployment was created; `None` in rows of release 0.1.0.
    pub tool_name: Option<ToolName>,
    /// The revision that a rollback by a user restores.
    pub restored_revision: Option<u32>,
    /// The configuration that the components were read from, as its author wrote it.
    pub config: Option<String>,
    /// The linked repository whose push started the deployment.
    pub repository_link: Option<RepositoryLinkId>,
    /// The environment that the components belong to; `None` for production.
    pub environment: Option<String>,
    /// The components by name; never empty.
    pub components: BTreeMap<JobName, ComponentRollout>,
    /// True if jobs of the previous revision that are no components are removed.
    pub is_complete: bool,
    /// The components of the previous revision that stay as they are, with pinned images; `None` before they are
    /// pinned, and in deployments of release 0.1.0.
    pub kept_components: Option<BTreeSet<JobName>>,
    /// The jobs that the deployment removes, with their definitions.
    pub removals: BTreeMap<JobName, JobCreate>,
    pub force_build: bool,
    pub force_run: bool,
    pub mandate: Option<MandateId>,
    pub state: DeploymentState,
    /// The message of the current state.
    pub message: String,
    pub steps: Vec<DeploymentStep>,
    /// The failure or cancellation. It is recorded before the rollback; the deployment ends after it.
    pub failure: Option<DeploymentFailure>,
    pub revision: Option<u32>,
    pub still_running: Option<u32>,
}

/// A component of a deployment, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentRollout {
    pub spec: ComponentSpec,
    #[serde(default)]
    pub progress: ComponentProgress,
}

/// The results of the steps for a component.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ComponentProgress {
    /// True if a build may have been requested.
    pub build_requested: bool,
    pub build: Option<BuildId>,
    pub resolved_ref: String,
    /// The image: its name, and after the step `check` its full reference with the digest.
    pub image: String,
    /// The command of the job.
    pub command: String,
    /// The previous definition of the job.
    pub before: Option<PreviousJob>,
    /// The generation of the job's new definition.
    pub generation: Option<u64>,
    /// The time at which the job was changed.
    pub job_changed_at: Option<Timestamp>,
    /// The newest run of a one-off component before its job was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_run: Option<String>,
    /// The deadline of the new containers to become ready.
    pub ready_deadline: Option<Timestamp>,
    /// True once the component needs no further step: it is ready, stored with its schedule, or has ended.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_done: bool,
    /// The current wait, the result or the error of the component, as a sentence.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The step that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_step: Option<StepName>,
}

/// The failure or cancellation of a deployment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeploymentFailure {
    pub state: DeploymentState,
    pub code: String,
    pub message: String,
    pub help: Option<String>,
}

/// The definition of a job before a deployment changed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PreviousJob {
    /// The job did not exist.
    Nothing,
    /// The job's definition.
    Job(Box<JobCreate>),
}

impl DeploymentContent {
    /// Returns the rollouts of new components.
    pub fn begin_rollouts(spec: ToolSpec) -> BTreeMap<JobName, ComponentRollout> {
        let begin = |(name, spec)| (name, ComponentRollout { spec, progress: ComponentProgress::default() });
        spec.components.into_iter().map(begin).collect()
    }

    /// Finds the preview that the deployment makes or changes.
    pub fn find_preview(&self) -> Option<PreviewNumber> {
        self.environment.as_deref()?.parse::<EnvironmentName>().ok()?.find_preview()
    }

    /// Finds the end of the preview that the deployment makes or changes.
    pub fn find_preview_end(&self) -> Option<Timestamp> {
        self.components.values().find_map(|rollout| Some(rollout.spec.job.preview?.expires))
    }

    /// Returns the name of a component in the configuration, from that of its job.
    pub fn find_component_name<'a>(&self, job: &'a JobName) -> &'a str {
        let suffix = self.environment.as_deref().map(|environment| format!("--{environment}"));
        suffix.and_then(|suffix| job.as_str().strip_suffix(&*suffix)).unwrap_or(job.as_str())
    }

    /// Finds the component that stands for the tool: the published one, otherwise the first by name.
    pub fn find_primary(&self) -> Option<(&JobName, &ComponentRollout)> {
        let is_published = |(_, rollout): &(&JobName, &ComponentRollout)| rollout.spec.is_published();
        self.components.iter().find(is_published).or_else(|| self.components.first_key_value())
    }

    /// Finds the component whose image the component `name` runs: itself, or the one that it reuses the image from.
    pub fn find_image_owner<'a>(&'a self, name: &'a JobName) -> &'a JobName {
        self.components.get(name).map_or(name, |rollout| rollout.spec.image_owner(name))
    }

    /// Lists the builds of all components.
    pub fn list_builds(&self) -> BTreeSet<BuildId> {
        self.components.values().filter_map(|rollout| rollout.progress.build).collect()
    }

    /// Lists the components that run at this phase, by name.
    pub fn list_components(&self, phase: ComponentPhase) -> Vec<JobName> {
        let of_phase = self.components.iter().filter(|(_, rollout)| rollout.spec.phase == phase);
        of_phase.map(|(name, _)| name.clone()).collect()
    }
}

impl ComponentRollout {
    /// Builds the new definition of the job. A configuration describes it completely; a deployment of one folder changes
    /// the image, the command and the page of the previous definition.
    pub fn build_definition(&self, is_complete: bool) -> JobCreate {
        let Self { spec, progress } = self;
        let (imagename, cmd) = (progress.image.clone(), progress.command.clone());
        match &progress.before {
            Some(PreviousJob::Job(previous)) if !is_complete => {
                let mut job = JobCreate { imagename, cmd, ..JobCreate::clone(previous) };
                job.mount = spec.job.mount.or(job.mount);
                (job.port, job.publish) = (spec.job.port, spec.job.publish);
                if spec.is_scheduled() {
                    (job.schedule, job.timezone) = (spec.job.schedule.clone(), spec.job.timezone.clone());
                }
                job
            }
            _ => JobCreate { imagename, cmd, ..spec.job.clone() },
        }
    }
}

impl ComponentSpec {
    /// True if the component is the tool's web page.
    pub fn is_published(&self) -> bool {
        self.job.publish == Some(true)
    }

    /// True if the component is a scheduled job.
    pub fn is_scheduled(&self) -> bool {
        self.job.schedule.is_some()
    }

    /// Returns the component whose image a component of this name runs.
    pub fn image_owner<'a>(&'a self, name: &'a JobName) -> &'a JobName {
        match &self.image {
            ComponentImage::ReuseFrom(owner) => owner,
            ComponentImage::Build(_) | ComponentImage::Image(_) => name,
        }
    }

    /// Returns the source in the form of the API; `None` if another component has it.
    pub fn deploy_source(&self) -> Option<DeploySource> {
        match (&self.image, self.find_build()) {
            (_, Some(build)) => Some(build.source.clone()),
            (ComponentImage::Image(image), None) => Some(DeploySource::Image(image.clone())),
            (ComponentImage::Build(_) | ComponentImage::ReuseFrom(_), None) => None,
        }
    }
}
