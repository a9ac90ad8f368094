//! Requests about whole trees of files: deletion and measurement. Links are never followed.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use hearth_runtime_api::StorageUsage;
use rustix::{
    fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat},
    io::Errno,
};

use super::operations::{FileError, read_entries, resolve_path};

/// Maximum number of measured files.
const MAX_MEASURED_FILES: u64 = 2_000_000;

/// Deletes a file or folder.
pub fn remove_entry(path: &str, recursive: bool) -> Result<(), FileError> {
    let path = resolve_path(path);
    if path == Path::new("/") {
        return Err(Errno::BUSY.into());
    }
    let stat = rustix::fs::statat(CWD, &path, AtFlags::SYMLINK_NOFOLLOW)?;
    if !is_folder(&stat) {
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
        for (name, stat) in read_folder(&folder)? {
            let path = folder.join(name);
            if is_folder(&stat) {
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

fn is_folder(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
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
        for (name, stat) in entries {
            usage.files += 1;
            // Blocks have 512 bytes, whatever the file system (stat(2)).
            usage.bytes += u64::try_from(stat.st_blocks).unwrap_or(0) * 512;
            if usage.files >= MAX_MEASURED_FILES {
                usage.truncated = true;
                return Ok(usage);
            }
            if is_folder(&stat) {
                folders.push(folder.join(name));
            }
        }
    }
    Ok(usage)
}

/// Opens a folder below the root and reads its entries.
fn read_folder(path: &Path) -> Result<Vec<(OsString, Stat)>, FileError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    read_entries(&rustix::fs::openat(CWD, path, flags, Mode::empty())?).collect()
}
