//! Requests about single files. The process is in its sandbox: `/` is the storage of the tool, so neither `..`
//! nor a link leads out of it, and other processes of the tool may change the files at the same time.

use std::{
    ffi::OsString,
    fs::File,
    io,
    os::{fd::OwnedFd, unix::ffi::OsStringExt},
    path::{Component, Path, PathBuf},
};

use hearth_base::Entropy;
use hearth_runtime_api::{FileEntry, FileKind, FileListing, StorageUsage};
use rustix::{
    fs::{AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, Stat, Uid},
    io::Errno,
};

/// Maximum number of entries in a listing.
const MAX_LISTED_ENTRIES: usize = 10_000;
/// Permission bits of a new file.
const NEW_FILE_MODE: u32 = 0o644;
/// Permission bits of a new folder.
const NEW_FOLDER_MODE: u32 = 0o755;
/// Names of temporary files begin with it.
const TEMPORARY_PREFIX: &str = ".hearth-upload-";

/// The failure of a request.
#[derive(Debug)]
pub enum FileError {
    Io(io::Error),
    IsFolder,
    NotAFile,
    /// The input ended early.
    Incomplete {
        copied: u64,
        size: u64,
    },
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Errno> for FileError {
    fn from(error: Errno) -> Self {
        Self::Io(error.into())
    }
}

impl FileError {
    /// The stable code, and the problem.
    pub fn describe_failure(&self) -> (&'static str, String) {
        let error = match self {
            Self::IsFolder => return ("is-folder", "it is a folder".to_owned()),
            Self::NotAFile => return ("not-a-file", "it is not a regular file".to_owned()),
            Self::Incomplete { copied, size } => {
                return ("upload-incomplete", format!("the content ended after {copied} of {size} bytes"));
            }
            Self::Io(error) => error,
        };
        match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::NOENT) => ("no-such-file", "there is no such file or folder".to_owned()),
            Some(Errno::NOTDIR) => ("not-a-folder", "a part of the path is not a folder".to_owned()),
            Some(Errno::ISDIR) => ("is-folder", "it is a folder".to_owned()),
            Some(Errno::NOTEMPTY) => ("folder-not-empty", "the folder is not empty".to_owned()),
            Some(Errno::NOSPC | Errno::DQUOT) => ("home-full", "no space is left".to_owned()),
            Some(Errno::NAMETOOLONG | Errno::INVAL | Errno::LOOP) => {
                ("file-path", "the path cannot be used".to_owned())
            }
            Some(Errno::ACCESS | Errno::PERM | Errno::ROFS | Errno::BUSY) => {
                ("file-denied", "it cannot be changed".to_owned())
            }
            _ => ("file-failed", error.to_string()),
        }
    }
}

/// Normalises a path of a request: absolute, without `.`, and `..` ends at the root.
pub fn resolve_path(path: &str) -> PathBuf {
    let mut resolved = PathBuf::from("/");
    for part in Path::new(path).components() {
        match part {
            Component::Normal(name) => resolved.push(name),
            Component::ParentDir => {
                resolved.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    resolved
}

/// Describes a file, or a folder with its entries.
pub fn list_folder(path: &str) -> Result<FileListing, FileError> {
    let path = resolve_path(path);
    let entry = describe_path(&path)?;
    if entry.kind != FileKind::Folder {
        return Ok(FileListing { entry, entries: Vec::new(), truncated: false });
    }
    let folder = open_folder(&path)?;
    let (mut entries, mut truncated) = (Vec::new(), false);
    for found in read_entries(&folder) {
        let (name, stat) = found?;
        if entries.len() == MAX_LISTED_ENTRIES {
            truncated = true;
            break;
        }
        entries.push(to_entry(name.to_string_lossy().into_owned(), &stat));
    }
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(FileListing { entry, entries, truncated })
}

/// Reads the entries of an open folder, without `.` and `..` and without entries that are deleted meanwhile. Links are
/// not followed.
pub fn read_entries(folder: &OwnedFd) -> impl Iterator<Item = Result<(OsString, Stat), FileError>> {
    let (listed, failed) = match Dir::read_from(folder) {
        Ok(listed) => (Some(listed), None),
        Err(error) => (None, Some(Err(error.into()))),
    };
    let entries = listed.into_iter().flatten().filter_map(move |found| {
        let found = match found {
            Ok(found) => found,
            Err(error) => return Some(Err(error.into())),
        };
        let name = found.file_name();
        if name == c"." || name == c".." {
            return None;
        }
        match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Some(Ok((OsString::from_vec(name.to_bytes().to_vec()), stat))),
            Err(Errno::NOENT) => None,
            Err(error) => Some(Err(error.into())),
        }
    });
    failed.into_iter().chain(entries)
}

/// Opens a regular file for reading.
pub fn open_file(path: &str) -> Result<(FileEntry, File), FileError> {
    let path = resolve_path(path);
    // A pipe would block the open; it is refused below.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::openat(CWD, &path, flags, Mode::empty())?);
    let stat = rustix::fs::fstat(&file)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok((to_entry(extract_base_name(&path), &stat), file)),
        FileType::Directory => Err(FileError::IsFolder),
        _ => Err(FileError::NotAFile),
    }
}

/// Writes a file: `fill` writes its content to a temporary file beside it, which then takes its place. The
/// new file has the owner of its folder, and the former file's permissions unless `mode` is given.
pub fn write_file(
    path: &str,
    mode: Option<u32>,
    fill: impl FnOnce(&mut File) -> Result<(), FileError>,
) -> Result<FileEntry, FileError> {
    let path = resolve_path(path);
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(FileError::IsFolder);
    };
    make_folders(folder)?;
    let former = match rustix::fs::statat(CWD, &path, AtFlags::empty()) {
        Ok(stat) => Some(stat),
        Err(Errno::NOENT) => None,
        Err(error) => return Err(error.into()),
    };
    match former.map(|stat| FileType::from_raw_mode(stat.st_mode)) {
        None | Some(FileType::RegularFile) => {}
        Some(FileType::Directory) => return Err(FileError::IsFolder),
        Some(_) => return Err(FileError::NotAFile),
    }
    let folder_fd = open_folder(folder)?;
    let owner = rustix::fs::fstat(&folder_fd)?;
    let mode = mode.or(former.map(|stat| stat.st_mode & 0o777)).unwrap_or(NEW_FILE_MODE);
    let number = u64::from_ne_bytes(Entropy::System.generate_bytes());
    let temporary = format!("{TEMPORARY_PREFIX}{number:016x}");
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::openat(&folder_fd, &temporary, flags, Mode::from_raw_mode(0o600))?);
    let written = fill(&mut file).and_then(|()| {
        rustix::fs::fchown(&file, Some(Uid::from_raw(owner.st_uid)), Some(Gid::from_raw(owner.st_gid)))?;
        rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
        rustix::fs::fsync(&file)?;
        rustix::fs::renameat(&folder_fd, &temporary, &folder_fd, name)?;
        Ok(to_entry(extract_base_name(&path), &rustix::fs::fstat(&file)?))
    });
    if written.is_err() {
        // The first error is the one to report.
        let _ = rustix::fs::unlinkat(&folder_fd, &temporary, AtFlags::empty());
    }
    written
}

/// Measures the used space of the storage's own file system, and its size.
pub fn measure_disk() -> Result<StorageUsage, FileError> {
    let disk = rustix::fs::statvfs("/")?;
    Ok(StorageUsage {
        bytes: disk.f_blocks.saturating_sub(disk.f_bfree).saturating_mul(disk.f_frsize),
        files: disk.f_files.saturating_sub(disk.f_ffree),
        truncated: false,
        max_bytes: Some(disk.f_blocks.saturating_mul(disk.f_frsize)),
        max_files: Some(disk.f_files),
    })
}

/// Makes a folder with its parents.
pub fn make_folder(path: &str) -> Result<FileEntry, FileError> {
    let path = resolve_path(path);
    make_folders(&path)?;
    describe_path(&path)
}

/// Makes the missing folders of a path. Each has the owner of the folder that it is in.
fn make_folders(path: &Path) -> Result<(), FileError> {
    let mut made = PathBuf::from("/");
    for part in path.components().skip(1) {
        let owner = rustix::fs::statat(CWD, &made, AtFlags::empty())?;
        made.push(part);
        match rustix::fs::mkdirat(CWD, &made, Mode::from_raw_mode(NEW_FOLDER_MODE)) {
            Ok(()) => rustix::fs::chownat(
                CWD,
                &made,
                Some(Uid::from_raw(owner.st_uid)),
                Some(Gid::from_raw(owner.st_gid)),
                AtFlags::SYMLINK_NOFOLLOW,
            )?,
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    // It exists, and is no file.
    open_folder(path).map(drop)
}

fn open_folder(path: &Path) -> Result<OwnedFd, FileError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(CWD, path, flags, Mode::empty())?)
}

fn describe_path(path: &Path) -> Result<FileEntry, FileError> {
    Ok(to_entry(extract_base_name(path), &rustix::fs::statat(CWD, path, AtFlags::empty())?))
}

fn extract_base_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn to_entry(name: String, stat: &Stat) -> FileEntry {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => FileKind::File,
        FileType::Directory => FileKind::Folder,
        FileType::Symlink => FileKind::Link,
        _ => FileKind::Other,
    };
    FileEntry {
        name,
        kind,
        size: u64::try_from(stat.st_size).unwrap_or(0),
        mode: stat.st_mode & 0o777,
        modified: stat.st_mtime,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_of_a_request_ends_at_the_root() {
        for (path, resolved) in [
            ("", "/"),
            ("/", "/"),
            ("a/./b//c", "/a/b/c"),
            ("../../etc/passwd", "/etc/passwd"),
            ("a/../../b", "/b"),
        ] {
            assert_eq!(resolve_path(path), Path::new(resolved), "{path}");
        }
    }

    #[test]
    fn failure_names_a_cause_of_the_file_system() {
        let describe = |errno: Errno| FileError::from(errno).describe_failure().0;
        assert_eq!(describe(Errno::NOSPC), "home-full");
        assert_eq!(describe(Errno::DQUOT), "home-full");
        assert_eq!(describe(Errno::NOENT), "no-such-file");
        assert_eq!(FileError::Incomplete { copied: 1, size: 2 }.describe_failure().0, "upload-incomplete");
    }
}
