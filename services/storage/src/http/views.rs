//! Conversion of the runtime's types to API types.

use hearth_runtime_api::{FileKind, StorageUsage};
use hearth_wire::storage as wire;
use jiff::Timestamp;

/// The name of a tool's home.
const HOME_NAME: &str = "home";

/// Converts the usage of a home.
pub fn render_home(usage: StorageUsage) -> wire::Volume {
    let StorageUsage { bytes, files, truncated, max_bytes, max_files } = usage;
    wire::Volume {
        name: HOME_NAME.to_owned(),
        used_bytes: bytes,
        files,
        incomplete: truncated,
        max_bytes,
        max_files,
    }
}

/// Converts a file or folder.
pub fn render_entry(entry: hearth_runtime_api::FileEntry) -> wire::FileEntry {
    wire::FileEntry {
        name: entry.name,
        kind: match entry.kind {
            FileKind::File => wire::FileKind::File,
            FileKind::Folder => wire::FileKind::Folder,
            FileKind::Link => wire::FileKind::Link,
            FileKind::Other => wire::FileKind::Other,
        },
        size: entry.size,
        mode: format!("{:03o}", entry.mode),
        modified: Timestamp::from_second(entry.modified).unwrap_or_default(),
    }
}
