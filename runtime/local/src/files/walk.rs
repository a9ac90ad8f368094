//! Requests about whole trees of files: deletion and measurement. Links are never followed.

use std::path::{Path, PathBuf};

use hearth_runtime_api::StorageUsage;
use rustix::{
    fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags},
    io::Errno,
};

use super::operations::{FileError, resolve_path};

/// Maximum number of measured files.
const MAX_MEASURED_FILES: u64 = 2_000_000;

/// Deletes a file or folder.
pub fn remove_entry(path: &str, recursive: bool) -> Result<(), FileError> {
    let path = resolve_path(path);
    if path == Path::new("/") {
        return Err(Errno::BUSY.into());
    }
    let stat = rustix::fs::statat(CWD, &path, AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
        return Ok(rustix::fs::unlinkat(CWD, &path, AtFlags::empty())?);
    }
    if recursive {
        remove_content(&path)?;
    }
    Ok(rustix::fs::unlinkat(CWD, &path, AtFlags::REMOVEDIR)?)
}

/// Deletes the content of a folder: files at once, folders after all of theirs.
fn remove_content(folder: &Path) -> Result<(), FileError> {
    let mut folders = vec![folder.to_owned()];
    let mut at = 0;
    while let Some(folder) = folders.get(at).cloned() {
        at += 1;
        for (path, file_type, _) in read_folder(&folder)? {
            if file_type == FileType::Directory {
                folders.push(path);
            } else {
                ignore_missing(rustix::fs::unlinkat(CWD, &path, AtFlags::empty()))?;
            }
        }
    }
    for folder in folders.iter().skip(1).rev() {
        ignore_missing(rustix::fs::unlinkat(CWD, folder, AtFlags::REMOVEDIR))?;
    }
    Ok(())
}

fn ignore_missing(removed: rustix::io::Result<()>) -> Result<(), FileError> {
    match removed {
        Err(Errno::NOENT) => Ok(()),
        removed => Ok(removed?),
    }
}

/// Measures the space of all files below the root.
pub fn measure_usage() -> Result<StorageUsage, FileError> {
    let mut usage = StorageUsage::default();
    let mut folders = vec![PathBuf::from("/")];
    while let Some(folder) = folders.pop() {
        let entries = match read_folder(&folder) {
            // It was deleted meanwhile.
            Err(FileError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for (path, file_type, blocks) in entries {
            usage.files += 1;
            // Blocks have 512 bytes, whatever the file system (stat(2)).
            usage.bytes += blocks * 512;
            if usage.files >= MAX_MEASURED_FILES {
                usage.truncated = true;
                return Ok(usage);
            }
            if file_type == FileType::Directory {
                folders.push(path);
            }
        }
    }
    Ok(usage)
}

/// Reads the entries of a folder with their types and blocks.
fn read_folder(path: &Path) -> Result<Vec<(PathBuf, FileType, u64)>, FileError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = rustix::fs::openat(CWD, path, flags, Mode::empty())?;
    let mut entries = Vec::new();
    for found in Dir::read_from(&folder)? {
        let found = found?;
        let name = found.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let stat = match rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => continue,
            stat => stat?,
        };
        let name = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(name.to_bytes());
        let blocks = u64::try_from(stat.st_blocks).unwrap_or(0);
        entries.push((path.join(name), FileType::from_raw_mode(stat.st_mode), blocks));
    }
    Ok(entries)
}
