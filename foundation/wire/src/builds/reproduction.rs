//! Builds that repeat another build, to compare their images.

use hearth_base::{BuildId, Digest};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Result of a build that repeated another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuildReproduction)]
pub struct BuildReproduction {
    /// The build that was repeated.
    #[schema(value_type = String)]
    pub build: BuildId,
    /// Digest of its image.
    #[schema(value_type = String)]
    pub image: Digest,
    /// How the files of the images differ; absent if the images are the same, and before the end of the build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<ImageComparison>,
}

/// Differences between the files of two images.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::ImageComparison)]
pub struct ImageComparison {
    /// Number of files that differ in more than their times.
    pub different_files: u64,
    /// Number of files that differ only in their times.
    pub different_times: u64,
    /// The first of the different files, each with what differs.
    pub files: Vec<DifferentFile>,
}

/// A file by which two images differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::DifferentFile)]
pub struct DifferentFile {
    /// Its path, without a leading slash.
    pub path: String,
    /// Kind of the difference: `missing` in the repeated image, `added`, `type`, `content` or `permissions`.
    pub difference: String,
}
