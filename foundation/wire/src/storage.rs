//! Storage of tools: `/storage/v1`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Volumes of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = storage::VolumeList)]
pub struct VolumeList {
    /// The volumes.
    pub volumes: Vec<Volume>,
}

/// Storage of a tool that outlives its runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = storage::Volume)]
pub struct Volume {
    /// Name: `home`.
    pub name: String,
    /// Used space in bytes.
    pub used_bytes: u64,
    /// Number of files and folders.
    pub files: u64,
    /// True when there is more than was counted.
    #[serde(default)]
    pub incomplete: bool,
    /// Enforced maximum space in bytes; absent when the host cannot enforce one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// Enforced maximum number of files and folders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_files: Option<u64>,
}

/// File, or folder with its entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = storage::FileListing)]
pub struct FileListing {
    /// The file or folder itself.
    pub entry: FileEntry,
    /// Entries of a folder, by name.
    pub entries: Vec<FileEntry>,
    /// True when the folder has more entries than listed.
    #[serde(default)]
    pub truncated: bool,
}

/// File, folder or link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = storage::FileEntry)]
pub struct FileEntry {
    /// Name, without its folder; empty for the home itself.
    pub name: String,
    /// Type.
    pub kind: FileKind,
    /// Size in bytes.
    pub size: u64,
    /// Permission bits as octal digits, such as `644`.
    pub mode: String,
    /// Time of the last change of the content.
    #[schema(value_type = String, format = DateTime)]
    pub modified: Timestamp,
}

/// Type of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = storage::FileKind)]
#[serde(rename_all = "lowercase")]
pub enum FileKind {
    /// Regular file.
    File,
    /// Folder.
    Folder,
    /// Symbolic link.
    Link,
    /// Anything else, such as a socket.
    Other,
}

/// File or folder of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct FileQuery {
    /// Path relative to the home; default: the home itself.
    #[param(max_length = 4095)]
    pub path: String,
}

/// File to write.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct FileWriteQuery {
    /// Path relative to the home.
    #[param(max_length = 4095)]
    pub path: String,
    /// Permission bits as octal digits; default: those of the replaced file, or `644`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(pattern = "^0?[0-7]{3}$")]
    pub mode: Option<String>,
}

/// File or folder to delete.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct FileDeleteQuery {
    /// Path relative to the home.
    #[param(max_length = 4095)]
    pub path: String,
    /// True: delete a folder with its content.
    #[serde(deserialize_with = "crate::query_flag::deserialize_flag")]
    pub recursive: bool,
}
