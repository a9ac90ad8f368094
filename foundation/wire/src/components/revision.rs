//! Revisions: what ran once, and can run again.

use hearth_base::{Cursor, JobName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{DeploySource, DeploymentId};

/// What a successful deployment left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::Revision)]
pub struct Revision {
    /// Its number: 1 for the tool's first.
    pub number: u32,
    /// The deployment that left it.
    #[schema(value_type = String)]
    pub deployment: DeploymentId,
    /// When it began to run.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// Who asked for it.
    pub by: String,
    /// What it is and why.
    pub description: String,
    /// Where it came from.
    pub source: DeploySource,
    /// The commit, or the digest of the folder, that was built; or empty.
    pub resolved_ref: String,
    /// The image, with its digest.
    pub image: String,
    /// The component.
    #[schema(value_type = String)]
    pub component: JobName,
    /// Its command.
    pub command: String,
    /// Its port.
    pub port: u16,
    /// Whether it is the tool's page.
    pub publish: bool,
    /// Whether its image is still kept for it.
    pub kept: bool,
}

/// Revisions, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::RevisionList)]
pub struct RevisionList {
    /// The revisions of this page.
    pub revisions: Vec<Revision>,
    /// The `cursor` of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub next: Option<Cursor>,
}
