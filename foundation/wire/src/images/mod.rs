//! Images: what `/images/v1` says. The registry under `/v2` speaks the OCI distribution specification.

pub mod internal;

use hearth_base::{Digest, ToolId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The label under which a built image carries its processes: a JSON object, name to command line.
pub const PROCESSES_LABEL: &str = "org.hearth.processes";

/// An image of a tool: a repository that its builds and its maintainers push to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = images::Image)]
pub struct Image {
    /// Its name within the tool.
    pub name: String,
    /// How jobs name it: `tool-TOOL/NAME`.
    pub image: String,
    /// The tool.
    #[schema(value_type = String)]
    pub tool: ToolId,
    /// What its layers hold together, in bytes, each counted once.
    pub size: u64,
    /// When something was last pushed to it.
    #[schema(value_type = String, format = DateTime)]
    pub updated: Timestamp,
}

/// A tag of an image: a name that can be moved from one content to the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = images::Tag)]
pub struct Tag {
    /// The tag.
    pub tag: String,
    /// What it points to.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// When it was last moved.
    #[schema(value_type = String, format = DateTime)]
    pub updated: Timestamp,
}

/// An image that this Hearth provides to every tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = images::Provided)]
pub struct Provided {
    /// Its short name.
    pub name: String,
    /// Other names for it.
    pub aliases: Vec<String>,
    /// Whether it should be used: `stable`, `deprecated`, or a word of the operator's.
    pub state: String,
    /// Its content, once it has been made or pushed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub digest: Option<Digest>,
}
