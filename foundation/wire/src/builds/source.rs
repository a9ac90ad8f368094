//! Folders that were uploaded to be built.

use hearth_base::SourceId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A folder that was uploaded. It is kept until a day after its last build, or after the upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::Source)]
pub struct Source {
    /// What to name in a build's `upload`.
    #[schema(value_type = String)]
    pub id: SourceId,
    /// The SHA-256 of the archive, as `sha256:…`.
    pub digest: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it is forgotten.
    #[schema(value_type = String, format = DateTime)]
    pub expires: Timestamp,
}

/// The answer to an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::SourceOne)]
pub struct SourceOne {
    /// The folder.
    pub source: Source,
}
