//! Lists of the packages in images (SBOM).

use hearth_base::Digest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Type of an SBOM, of the artifact that is attached to an image, and of its only layer.
pub const SBOM_MEDIA_TYPE: &str = "application/vnd.cyclonedx+json";
/// Largest SBOM, in bytes.
pub const MAX_SBOM_BYTES: usize = 4 << 20;

/// SBOM of an image, as attached to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuildSbom)]
pub struct BuildSbom {
    /// Digest of the document.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// Number of packages that it lists.
    pub packages: u64,
}
