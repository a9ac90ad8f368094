//! The result of a copy.

use serde::{Deserialize, Serialize};

/// The result: what was copied.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct CopiedFiles {
    /// The number of files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Links and special files, which are not copied.
    pub skipped: Vec<String>,
}
