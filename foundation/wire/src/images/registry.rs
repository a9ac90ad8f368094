//! Documents of the registry (OCI image specification), as far as clients of artifacts read them.

use hearth_base::Digest;
use serde::{Deserialize, Serialize};

/// Index: a list of manifests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryIndex {
    /// The manifests.
    pub manifests: Vec<RegistryDescriptor>,
}

/// Manifest of an image or of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryManifest {
    /// The configuration of an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<RegistryDescriptor>,
    /// The layers; those of an artifact are its documents.
    pub layers: Vec<RegistryDescriptor>,
}

/// Configuration of an image, as far as clients read it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RegistryImageConfig {
    /// The steps that made the image, the lowest first.
    pub history: Vec<RegistryHistoryEntry>,
}

/// A step that made an image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RegistryHistoryEntry {
    /// The step, usually as its command line.
    pub created_by: String,
    /// True when the step made no layer.
    pub empty_layer: bool,
}

/// Reference to content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegistryDescriptor {
    /// Type of the content.
    pub media_type: String,
    /// Digest of the content.
    pub digest: Digest,
    /// Size of the content in bytes.
    pub size: u64,
}

/// Referrers on one page of their list.
pub const REFERRERS_PAGE_SIZE: usize = 50;

/// Query of a list of referrers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ReferrersQuery {
    /// Only artifacts of this type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Only referrers after this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Digest>,
}
