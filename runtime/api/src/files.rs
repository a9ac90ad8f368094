//! Requests of a file session, and their replies.
//!
//! A session of [`crate::FileProtocol::Request`] carries one request. Its output is one line of JSON, a
//! [`FileReply`], and after [`FileReply::Content`] the bytes of the file. Its input is the bytes of a file that
//! is written, and nothing else.

use hearth_base::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

/// A request about files. Paths are relative to the root of the session; `..` and links stay within it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub enum FileRequest {
    /// Describes a file, or a folder with its entries.
    List {
        /// The file or folder.
        path: String,
    },
    /// Reads a regular file.
    Read {
        /// The file.
        path: String,
    },
    /// Writes a regular file: a reader sees the former content or the new one. Missing folders are made.
    Write {
        /// The file.
        path: String,
        /// Number of bytes of the input. Fewer bytes change nothing.
        size: u64,
        /// Permission bits; default: those of the former file, or `0o644`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mode: Option<u32>,
    },
    /// Makes a folder with its parents; an existing one stays.
    MakeFolder {
        /// The folder.
        path: String,
    },
    /// Deletes a file or an empty folder.
    Remove {
        /// The file or folder.
        path: String,
        /// Deletes a folder with its content.
        #[serde(default)]
        recursive: bool,
    },
    /// Measures the used space.
    Measure {},
}

impl FileRequest {
    /// Maximum length of a path in bytes (Linux `PATH_MAX`, without the final null).
    pub const MAX_PATH_BYTES: usize = 4095;

    /// True if the request changes files.
    pub fn is_change(&self) -> bool {
        matches!(self, Self::Write { .. } | Self::MakeFolder { .. } | Self::Remove { .. })
    }

    /// The path of the request; empty for the root.
    pub fn requested_path(&self) -> &str {
        match self {
            Self::List { path }
            | Self::Read { path }
            | Self::Write { path, .. }
            | Self::MakeFolder { path }
            | Self::Remove { path, .. } => path,
            Self::Measure {} => "",
        }
    }

    /// Checks the path and the mode. Error `file-path` or `file-mode`.
    pub fn check(&self) -> Result<()> {
        let path = self.requested_path();
        if path.len() > Self::MAX_PATH_BYTES || path.contains('\0') {
            return Err(Error::invalid("file-path", "invalid path: it is too long, or has a null character"));
        }
        match self {
            Self::Write { mode: Some(mode), .. } if *mode > 0o777 => {
                Err(Error::invalid("file-mode", format!("invalid mode {mode:o}: expected 0 to 777")))
            }
            _ => Ok(()),
        }
    }
}

/// The reply to a request: the first line of the output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", content = "with", rename_all = "kebab-case")]
pub enum FileReply {
    /// To [`FileRequest::List`].
    Listing(FileListing),
    /// To [`FileRequest::Read`]; the content follows.
    Content(FileEntry),
    /// To a change: the file or folder; absent after its deletion.
    Changed(Option<FileEntry>),
    /// To [`FileRequest::Measure`].
    Usage(StorageUsage),
    /// The request failed.
    Failed(FileFailure),
}

/// A file or a folder with its entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileListing {
    /// The file or folder itself.
    pub entry: FileEntry,
    /// The entries of a folder, by name.
    pub entries: Vec<FileEntry>,
    /// True when there are more entries than the reply has.
    pub truncated: bool,
}

/// A file, folder or link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Name, without its folder; empty for the root. Characters that are not UTF-8 are replaced.
    pub name: String,
    /// The type.
    pub kind: FileKind,
    /// Size in bytes.
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
    /// Time of the last change of the content, in seconds since 1970.
    pub modified: i64,
}

/// The type of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// Anything else, such as a socket.
    Other,
}

/// The used space.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageUsage {
    /// Space on the disk in bytes.
    pub bytes: u64,
    /// Number of files, folders and links.
    pub files: u64,
    /// True when the count stopped at its limit.
    pub truncated: bool,
    /// Enforced maximum space in bytes; absent when the host enforces none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// Enforced maximum number of files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_files: Option<u64>,
}

/// The failure of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFailure {
    /// Stable code.
    pub code: String,
    /// The problem as a sentence, with the path.
    pub message: String,
}

impl From<FileFailure> for Error {
    fn from(failure: FileFailure) -> Self {
        let kind = match failure.code.as_str() {
            "no-such-file" => ErrorKind::NotFound,
            "home-full" => ErrorKind::Exhausted,
            "upload-incomplete" | "file-path" => ErrorKind::Invalid,
            "file-denied" => ErrorKind::Forbidden,
            "is-folder" | "not-a-folder" | "not-a-file" | "folder-not-empty" => ErrorKind::Conflict,
            _ => ErrorKind::Internal,
        };
        Self::new(kind, failure.code, failure.message)
    }
}
