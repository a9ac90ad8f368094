//! What services ask `images`, and nobody else may.

use std::collections::BTreeMap;

use hearth_base::{Digest, ImageName, ToolId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::events::EventData;

/// Which image is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Resolve {
    /// The tool that wants to use it: it may use its own and the provided ones.
    #[param(value_type = String)]
    pub tool: ToolId,
    /// As people write it: `python3.11`, `tf-python39`, `tool-TOOL/NAME[:TAG]`, perhaps with the registry's host
    /// before it and `@sha256:…` behind it.
    pub image: String,
}

/// An image, found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = images::Resolved)]
pub struct Resolved {
    /// How it is shown: the short name of a provided one, `tool-TOOL/NAME:TAG` of a built one.
    pub image: String,
    /// Its full name, with the registry's host and the digest.
    pub reference: String,
    /// The digest of its manifest. Pin it before relying on it.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// Whether it should be used: `stable`, `deprecated`, or a word of the operator's.
    pub state: String,
    /// Whose it is.
    pub kind: ImageKind,
    /// How it wants to be run.
    pub config: ImageConfig,
}

/// The layers of an image, for the runtime that lacks some of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = images::ImageLayers)]
pub struct ImageLayers {
    /// The lowest first.
    pub layers: Vec<Layer>,
}

/// Whose an image is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = images::ImageKind)]
#[serde(rename_all = "lowercase")]
pub enum ImageKind {
    /// Hearth provides it to every tool.
    Provided,
    /// The tool's own.
    Built,
}

/// One layer (OCI image specification, `manifest.md` and `config.md`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = images::Layer)]
pub struct Layer {
    /// The digest of the blob, as it is fetched.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// The digest of the archive, uncompressed.
    #[schema(value_type = String)]
    pub diff_id: Digest,
    /// Says how it is compressed: ends in `tar`, `tar+gzip` or `tar+zstd` (`tar.gzip` in Docker's).
    pub media_type: String,
    /// The blob's size in bytes.
    pub size: u64,
}

/// How an image wants to be run (OCI image specification, `config.md`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = images::ImageConfig)]
#[serde(default)]
pub struct ImageConfig {
    /// `NAME=VALUE`.
    pub env: Vec<String>,
    /// What a command is appended to.
    pub entrypoint: Vec<String>,
    /// The command when none is given.
    pub cmd: Vec<String>,
    /// Where it starts; empty: at `/`.
    pub working_dir: String,
    /// As whom; empty: as root of its own namespace.
    pub user: String,
    /// Anything.
    #[schema(value_type = BTreeMap<String, String>)]
    pub labels: BTreeMap<String, String>,
}

/// Relying on an image: as long as the pin is there, its content is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = images::PinPut)]
pub struct PinPut {
    /// The tool for which it is used.
    #[schema(value_type = String)]
    pub tool: ToolId,
    /// The digest of the manifest.
    #[schema(value_type = String)]
    pub digest: Digest,
}

crate::topic! {
    /// Tags that mean another manifest, for the services that run images.
    pub enum TagEvent in Images / "tags", for_webhooks: false {
        /// A tag means another manifest than before.
        Moved(TagMoved) = "image.tag.moved",
    }
}

/// A tag that means another manifest than before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = images::TagMoved)]
pub struct TagMoved {
    /// The tool whose image it is; absent when Hearth provides it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub tool: Option<ToolId>,
    /// The image.
    #[schema(value_type = String)]
    pub image: ImageName,
    /// The tag.
    pub tag: String,
}

impl EventData for TagMoved {
    fn tool(&self) -> Option<ToolId> {
        self.tool
    }
}

/// Whose images are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OfTool {
    /// The tool.
    #[param(value_type = String)]
    pub tool: ToolId,
}

/// An image that a tool may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = images::Usable)]
pub struct Usable {
    /// The short name of a provided one, `tool-TOOL/NAME:TAG` of the tool's own.
    pub image: String,
    /// Other names for it.
    pub aliases: Vec<String>,
    /// Whether it should be used: `stable`, `deprecated`, or a word of the operator's.
    pub state: String,
    /// Whose it is.
    pub kind: ImageKind,
}

/// All images that a tool may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = images::Usables)]
pub struct Usables {
    /// Provided ones first, then the tool's own by name; at most 1000 of those.
    pub images: Vec<Usable>,
}
