//! Calls of other services to `images`; no other caller is allowed.

use std::collections::BTreeMap;

use hearth_base::{Digest, ImageName, ToolId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::events::EventData;

/// Image name to resolve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ImageResolveQuery {
    /// Tool that uses the image: its own images and the provided ones are allowed.
    #[param(value_type = String)]
    pub tool: ToolId,
    /// Image name as users write it: `python3.11`, `tf-python39`, `tool-TOOL/NAME[:TAG]`, optionally with the
    /// registry's host as a prefix and `@sha256:…` as a suffix.
    pub image: String,
}

/// Resolved image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = images::Resolved)]
pub struct ImageResolution {
    /// Display name: the short name of a provided image, `tool-TOOL/NAME:TAG` of a built one.
    pub image: String,
    /// Full name, with the registry's host and the digest.
    pub reference: String,
    /// Digest of the manifest. Pin it before use.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// Support state: `stable`, `deprecated`, or an operator's own word.
    pub state: String,
    /// Origin of the image.
    pub kind: ImageKind,
    /// Run configuration of the image.
    pub config: ImageConfig,
}

/// Document to attach to an image of a tool, as an artifact whose subject is the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = images::internal::ArtifactAttach)]
pub struct ArtifactAttach {
    /// Tool that has the image.
    #[schema(value_type = String)]
    pub tool: ToolId,
    /// Name of the image within the tool.
    #[schema(value_type = String)]
    pub image: ImageName,
    /// Digest of the image's manifest.
    #[schema(value_type = String)]
    pub subject: Digest,
    /// Type of the artifact, and of its only layer.
    pub artifact_type: String,
    /// The document.
    pub content: String,
}

/// Layers of an image, for the runtime.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = images::ImageLayers)]
pub struct ImageLayers {
    /// Layers, from the lowest.
    pub layers: Vec<Layer>,
}

/// Origin of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = images::ImageKind)]
#[serde(rename_all = "lowercase")]
pub enum ImageKind {
    /// Hearth provides the image to every tool.
    Provided,
    /// The image belongs to the tool.
    Built,
}

/// Layer of an image (OCI image specification, `manifest.md` and `config.md`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = images::Layer)]
pub struct Layer {
    /// Digest of the blob.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// Digest of the uncompressed archive.
    #[schema(value_type = String)]
    pub diff_id: Digest,
    /// Media type with the compression: ends in `tar`, `tar+gzip` or `tar+zstd` (`tar.gzip` in Docker's).
    pub media_type: String,
    /// Size of the blob in bytes.
    pub size: u64,
}

/// Run configuration of an image (OCI image specification, `config.md`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = images::ImageConfig)]
#[serde(default)]
pub struct ImageConfig {
    /// Environment variables, as `NAME=VALUE`.
    pub env: Vec<String>,
    /// Entrypoint; the command is appended to it.
    pub entrypoint: Vec<String>,
    /// Default command.
    pub cmd: Vec<String>,
    /// Working directory; empty for `/`.
    pub working_dir: String,
    /// User; empty for root within the user namespace.
    pub user: String,
    /// Labels.
    #[schema(value_type = BTreeMap<String, String>)]
    pub labels: BTreeMap<String, String>,
}

/// Pin: protects the content of an image from garbage collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = images::PinPut)]
pub struct PinPut {
    /// Tool that uses the image.
    #[schema(value_type = String)]
    pub tool: ToolId,
    /// Digest of the manifest.
    #[schema(value_type = String)]
    pub digest: Digest,
}

crate::topic! {
    /// Tags that point to another manifest, for services that run images.
    pub enum TagEvent in Images / "tags", for_webhooks: false {
        /// A tag points to another manifest.
        Moved(TagMoved) = "image.tag.moved",
    }
}

/// Tag that points to another manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = images::TagMoved)]
pub struct TagMoved {
    /// Tool that owns the image; absent for an image that Hearth provides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub tool: Option<ToolId>,
    /// Name of the image.
    #[schema(value_type = String)]
    pub image: ImageName,
    /// Name of the tag.
    pub tag: String,
}

impl EventData for TagMoved {
    fn tool(&self) -> Option<ToolId> {
        self.tool
    }
}

/// Tool whose images are requested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ImagesOfToolQuery {
    /// Id of the tool.
    #[param(value_type = String)]
    pub tool: ToolId,
}

/// Query that restricts a blob to those that a tool may read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct BlobOfToolQuery {
    /// Id of the tool. Services of release 0.1 do not send it, and read any blob.
    #[param(value_type = Option<String>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<ToolId>,
}

/// Image that a tool may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = images::Usable)]
pub struct UsableImage {
    /// Short name of a provided image, or `tool-TOOL/NAME:TAG` of the tool's own.
    pub image: String,
    /// Aliases of the image.
    pub aliases: Vec<String>,
    /// Support state: `stable`, `deprecated`, or an operator's own word.
    pub state: String,
    /// Origin of the image.
    pub kind: ImageKind,
}

/// All images that a tool may use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = images::Usables)]
pub struct UsableImages {
    /// Provided images, then at most 1000 of the tool's own by name.
    pub images: Vec<UsableImage>,
    /// Registries whose images are pulled through this one.
    #[serde(default)]
    pub upstreams: Vec<UsableUpstream>,
}

/// Registry whose images are pulled through this one, as `upstream/NAME/REPOSITORY`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = images::UsableUpstream)]
pub struct UsableUpstream {
    /// Name of the upstream.
    pub name: String,
    /// Beginnings of image names that mean it: a host, with or without a path.
    pub prefixes: Vec<String>,
}
