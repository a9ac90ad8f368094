//! Images: `/images/v1`. The registry under `/v2` implements the OCI distribution specification.

pub mod internal;
pub mod registry;

use hearth_base::{Digest, ToolId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// End of the names of images that repeat others. They are reserved: only the builder of a repetition pushes to them.
pub const REBUILT_ENDING: &str = ".rebuilt";

/// Label of a built image that lists its processes: a JSON object from name to command line.
pub const PROCESSES_LABEL: &str = "org.hearth.processes";

/// Image repository of a tool; its builds and maintainers push to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = images::Image)]
pub struct Image {
    /// Name within the tool.
    pub name: String,
    /// Name in jobs: `tool-TOOL/NAME`.
    pub image: String,
    /// Id of the tool.
    #[schema(value_type = String)]
    pub tool: ToolId,
    /// Total size of its layers in bytes; each layer is counted once.
    pub size: u64,
    /// Time of the last push.
    #[schema(value_type = String, format = DateTime)]
    pub updated: Timestamp,
}

/// Tag of an image: a movable reference to a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = images::Tag)]
pub struct Tag {
    /// Name of the tag.
    pub tag: String,
    /// Digest of the manifest.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// Time of the last move.
    #[schema(value_type = String, format = DateTime)]
    pub updated: Timestamp,
}

/// Image that this Hearth provides to every tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = images::Provided)]
pub struct ProvidedImageInfo {
    /// Short name.
    pub name: String,
    /// Aliases.
    pub aliases: Vec<String>,
    /// Support state: `stable`, `deprecated`, or an operator's own word.
    pub state: String,
    /// Digest of the manifest; absent until the image has been built or pushed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub digest: Option<Digest>,
}
