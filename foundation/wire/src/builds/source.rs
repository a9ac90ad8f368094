//! Uploaded folders.

use hearth_base::SourceId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Uploaded folder. It is stored until one day after its last build, or after the upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::Source)]
pub struct UploadedFolder {
    /// Id of the folder, for the `upload` field of a build.
    #[schema(value_type = String)]
    pub id: SourceId,
    /// SHA-256 digest of the archive, as `sha256:…`.
    pub digest: String,
    /// Size of the archive in bytes.
    pub size: u64,
    /// Time of deletion.
    #[schema(value_type = String, format = DateTime)]
    pub expires: Timestamp,
}

/// Response to an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::SourceOne)]
pub struct SourceOne {
    /// The uploaded folder.
    pub source: UploadedFolder,
}
