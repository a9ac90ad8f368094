//! The stored form of a deployment's content.
//!
//! Release 0.1.0 knows one component for each deployment. Its fields are always written, so that it can read the rows
//! after a rollback; they describe the component that stands for the tool. What it cannot describe is written beside
//! them.

use std::collections::{BTreeMap, BTreeSet};

use hearth_base::{BuilderName, JobName, MandateId, ToolName};
use hearth_wire::{
    builds::RecipeChoice,
    components::{DeploySource, DeploymentState, DeploymentStep, RepositoryLinkId},
    jobs::{JobCreate, JobType, MountMode},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::content::{ComponentProgress, ComponentRollout, DeploymentContent, DeploymentFailure};
use crate::spec::{BuildSpec, ComponentImage, ComponentPhase, ComponentSpec};

/// The port of a component that listens on none.
const NO_PORT: u16 = 0;

/// The document of the column `content`. Later releases read it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoredContent {
    created: Timestamp,
    ended: Option<Timestamp>,
    by: String,
    description: String,
    source: DeploySource,
    /// The folder of the source that is built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    folder: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recipe: Option<RecipeChoice>,
    /// The outside builder that the source or the request names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    builder: Option<BuilderName>,
    component: JobName,
    command: Option<String>,
    /// The port of the component; 0 if it listens on none.
    port: u16,
    publish: bool,
    /// The schedule of a scheduled component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    schedule: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timezone: Option<String>,
    /// The mount of the tool's home; absent if the job keeps its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mount: Option<MountMode>,
    force_build: bool,
    force_run: bool,
    mandate: Option<MandateId>,
    state: DeploymentState,
    message: String,
    steps: Vec<DeploymentStep>,
    failure: Option<DeploymentFailure>,
    revision: Option<u32>,
    still_running: Option<u32>,
    progress: ComponentProgress,
    /// All components, if the fields above cannot describe them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    components: BTreeMap<JobName, ComponentRollout>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_complete: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kept_components: Option<BTreeSet<JobName>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    removals: BTreeMap<JobName, JobCreate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    config: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tool_name: Option<ToolName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    restored_revision: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    repository_link: Option<RepositoryLinkId>,
}

impl StoredContent {
    /// Builds the component that the fields of release 0.1.0 describe.
    fn build_component(&self) -> ComponentRollout {
        let image = match &self.source {
            DeploySource::Image(image) => ComponentImage::Image(image.clone()),
            source => ComponentImage::Build(BuildSpec {
                source: source.clone(),
                folder: self.folder.clone(),
                recipe: self.recipe,
                builder: self.builder.clone(),
            }),
        };
        let mut job = JobCreate::new(self.component.clone(), "", self.command.clone().unwrap_or_default());
        job.job_type = Some(if self.schedule.is_some() { JobType::Scheduled } else { JobType::Continuous });
        job.port = Some(self.port).filter(|port| *port != NO_PORT);
        job.publish = self.schedule.is_none().then_some(self.publish);
        (job.schedule, job.timezone) = (self.schedule.clone(), self.timezone.clone());
        job.mount = self.mount;
        let spec = ComponentSpec::new(image, job, ComponentPhase::Main);
        ComponentRollout { spec, progress: self.progress.clone() }
    }

    fn describe_component(content: &DeploymentContent, name: &JobName, rollout: &ComponentRollout) -> Self {
        let ComponentSpec { image, job, .. } = &rollout.spec;
        let (folder, recipe, builder) = match image {
            ComponentImage::Build(build) => (build.folder.clone(), build.recipe, build.builder.clone()),
            ComponentImage::Image(_) | ComponentImage::ReuseFrom(_) => (None, None, None),
        };
        let image_owner = content.components.get(content.find_image_owner(name));
        let source = image_owner.and_then(|owner| owner.spec.deploy_source());
        Self {
            created: content.created,
            ended: content.ended,
            by: content.by.clone(),
            description: content.description.clone(),
            source: source.unwrap_or_else(|| DeploySource::Image(String::new())),
            folder,
            recipe,
            builder,
            component: name.clone(),
            command: Some(job.cmd.clone()).filter(|command| !command.is_empty()),
            port: job.port.unwrap_or(NO_PORT),
            publish: job.publish == Some(true),
            schedule: job.schedule.clone(),
            timezone: job.timezone.clone(),
            mount: job.mount,
            force_build: content.force_build,
            force_run: content.force_run,
            mandate: content.mandate,
            state: content.state,
            message: content.message.clone(),
            steps: content.steps.clone(),
            failure: content.failure.clone(),
            revision: content.revision,
            still_running: content.still_running,
            progress: rollout.progress.clone(),
            components: BTreeMap::new(),
            is_complete: content.is_complete,
            kept_components: content.kept_components.clone(),
            removals: content.removals.clone(),
            config: content.config.clone(),
            environment: content.environment.clone(),
            tool_name: content.tool_name.clone(),
            restored_revision: content.restored_revision,
            repository_link: content.repository_link,
        }
    }
}

impl From<DeploymentContent> for StoredContent {
    fn from(content: DeploymentContent) -> Self {
        let (name, primary) =
            content.find_primary().unwrap_or_else(|| unreachable!("a deployment has components"));
        let mut stored = Self::describe_component(&content, name, primary);
        if content.components.len() > 1 || stored.build_component() != *primary {
            stored.components.clone_from(&content.components);
        }
        stored
    }
}

impl From<StoredContent> for DeploymentContent {
    fn from(stored: StoredContent) -> Self {
        let mut components = stored.components.clone();
        if components.is_empty() {
            components.insert(stored.component.clone(), stored.build_component());
        }
        Self {
            created: stored.created,
            ended: stored.ended,
            by: stored.by,
            description: stored.description,
            tool_name: stored.tool_name,
            restored_revision: stored.restored_revision,
            config: stored.config,
            environment: stored.environment,
            repository_link: stored.repository_link,
            components,
            is_complete: stored.is_complete,
            kept_components: stored.kept_components,
            removals: stored.removals,
            force_build: stored.force_build,
            force_run: stored.force_run,
            mandate: stored.mandate,
            state: stored.state,
            message: stored.message,
            steps: stored.steps,
            failure: stored.failure,
            revision: stored.revision,
            still_running: stored.still_running,
        }
    }
}
