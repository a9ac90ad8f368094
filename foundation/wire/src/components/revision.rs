//! Revisions: immutable results of deployments, for rollback.

use hearth_base::{JobName, PageCursor};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{DeploySource, DeploymentId};

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
    /// True while the image is retained for this revision.
    pub kept: bool,
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
