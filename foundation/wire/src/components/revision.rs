//! Revisions: immutable results of deployments, for rollback.

use std::collections::BTreeMap;

use hearth_base::{JobName, PageCursor};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{DeploySource, DeploymentId};
use crate::{
    builds::RecipeChoice,
    jobs::{JobCreate, JobType},
};

/// Result of a successful deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::Revision)]
pub struct Revision {
    /// Number of the revision, from 1 within the tool.
    pub number: u32,
    /// Id of the deployment that created the revision.
    #[schema(value_type = String)]
    pub deployment: DeploymentId,
    /// Time of the rollout.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// Author of the deployment.
    pub by: String,
    /// Description of the change.
    pub description: String,
    /// Source of the deployment.
    pub source: DeploySource,
    /// Commit that was built, or digest of the uploaded folder; may be empty.
    pub resolved_ref: String,
    /// Image, with its digest.
    pub image: String,
    /// Name of the component.
    #[schema(value_type = String)]
    pub component: JobName,
    /// Command of the component.
    pub command: String,
    /// Port of the component; 0 when it listens on none.
    pub port: u16,
    /// True when the component is the tool's web page.
    pub publish: bool,
    /// Schedule of a scheduled component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// Time zone of the schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// True while the images are retained for this revision.
    pub kept: bool,
    /// All components by name. The fields above describe the published one, otherwise the first by name. Empty for a
    /// revision of release 0.1.0, which has this one only.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, RevisionComponent>)]
    pub components: BTreeMap<JobName, RevisionComponent>,
    /// Environment that the deployment changed; absent for production.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Configuration that the revision was deployed from, as its author wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
}

impl Revision {
    /// Lists the components. A revision of release 0.1.0 has the one that its other fields describe.
    pub fn list_components(&self) -> BTreeMap<JobName, RevisionComponent> {
        if !self.components.is_empty() {
            return self.components.clone();
        }
        let job_type = if self.schedule.is_some() { JobType::Scheduled } else { JobType::Continuous };
        let job = JobCreate {
            job_type: Some(job_type),
            // 0 is the port of a component that listens on none.
            port: Some(self.port).filter(|port| *port > 0),
            publish: self.schedule.is_none().then_some(self.publish),
            schedule: self.schedule.clone(),
            timezone: self.timezone.clone(),
            ..JobCreate::new(self.component.clone(), &*self.image, &*self.command)
        };
        let component = RevisionComponent {
            source: Some(self.source.clone()),
            resolved_ref: self.resolved_ref.clone(),
            ..RevisionComponent::new(job)
        };
        BTreeMap::from([(self.component.clone(), component)])
    }

    /// Lists the components that a rollback to this revision deploys: those of its environment, without one-off ones, which
    /// ran when the revision was deployed.
    pub fn list_restored_components(&self) -> BTreeMap<JobName, RevisionComponent> {
        let mut components = self.list_components();
        components.retain(|name, component| {
            component.phase.is_main() && name.find_environment() == self.environment.as_deref()
        });
        components
    }
}

/// Component of a revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::RevisionComponent)]
pub struct RevisionComponent {
    /// Definition of the job, with the digest of its image.
    pub job: JobCreate,
    /// Source of the image; absent if it is that of another component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<DeploySource>,
    /// Commit that was built, or digest of the uploaded folder; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub resolved_ref: String,
    /// Folder of the source that was built; absent for the top folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Recipe that the deployment chose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<RecipeChoice>,
    /// Digest of the files that `when_changed` selected; absent if it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_digest: Option<String>,
    /// Time of the component's run within a deployment.
    #[serde(default, skip_serializing_if = "ComponentPhase::is_main")]
    pub phase: ComponentPhase,
}

impl RevisionComponent {
    /// Creates a component of a continuous or scheduled job whose build is not known.
    pub fn new(job: JobCreate) -> Self {
        Self {
            job,
            source: None,
            resolved_ref: String::new(),
            folder: None,
            recipe: None,
            source_digest: None,
            phase: ComponentPhase::Main,
        }
    }
}

/// Time of a component's run within a deployment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::ComponentPhase)]
#[serde(rename_all = "kebab-case")]
pub enum ComponentPhase {
    /// A one-off job that has to succeed before any other component changes, such as a database migration.
    Before,
    /// A continuous or scheduled job.
    #[default]
    Main,
    /// A one-off job that runs once all other components are ready.
    After,
}

impl ComponentPhase {
    /// True for a continuous or scheduled job.
    pub fn is_main(&self) -> bool {
        *self == Self::Main
    }
}

/// Revisions, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::RevisionList)]
pub struct RevisionList {
    /// Revisions of this page.
    pub revisions: Vec<Revision>,
    /// Cursor of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub next: Option<PageCursor>,
}
