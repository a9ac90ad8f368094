//! Packing of a folder into a source archive. Files that git ignores, credentials, caches and installed packages are
//! left out, and links are never followed.

mod default_excludes;
mod git_files;
mod selection;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use hearth_base::{Error, Result};
use ignore::DirEntry;
use jiff::Timestamp;
use tar::{Builder, EntryType, Header};

use crate::{io_error::describe_io_error, platform};

pub use selection::{FolderSelection, select_files};

/// An archive (tar, gzip). The same folder always gives the same bytes.
#[derive(Debug)]
pub struct PackedFolder {
    /// The archive.
    pub bytes: Vec<u8>,
    /// The number of files in it.
    pub files: usize,
}

/// The maximum size of a folder before compression.
const MAX_FOLDER_BYTES: u64 = 256 << 20;

/// The number of biggest files that the error about a large folder names.
const MAX_NAMED_FILES: usize = 5;

/// Returns true when the typed `path` means a local folder, not an address.
pub fn is_folder(path: &str) -> bool {
    !path.contains("://") && (path.starts_with(['.', '/', '~']) || Path::new(path).is_dir())
}

/// Refuses a source that is neither a folder nor an address, such as a mistyped folder.
pub fn check_source(source: &str) -> Result<()> {
    if is_folder(source) || source.contains("://") {
        return Ok(());
    }
    let sentence = format!("{source:.80} is neither a folder nor the address of a git repository");
    Err(Error::invalid("no-folder", sentence)
        .help("name a folder, or an address such as https://example.org/dup-finder.git"))
}

/// Packs the selected files. Their modification times are at most `now`.
pub fn pack_files(selection: &FolderSelection, now: Timestamp) -> Result<PackedFolder> {
    pack_files_up_to(selection, now, MAX_FOLDER_BYTES)
}

fn pack_files_up_to(selection: &FolderSelection, now: Timestamp, max_bytes: u64) -> Result<PackedFolder> {
    let FolderSelection { folder, entries, .. } = selection;
    check_size(folder, entries, max_bytes)?;
    let mut archive = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut files = 0;
    for entry in entries {
        let inside = entry.path().strip_prefix(folder).unwrap_or(entry.path());
        let refused = |cause: io::Error| build_read_error(entry.path(), &cause);
        files += usize::from(add_entry(&mut archive, entry, inside, now).map_err(refused)?);
    }
    if files == 0 {
        let sentence = format!("{} has no files to build from", folder.display());
        let error = Error::invalid("empty-folder", sentence);
        let error = selection.describe_left_out().into_iter().fold(error, Error::and_message);
        return Err(error.help("cd to the folder of your tool"));
    }
    let bytes = archive.into_inner().and_then(GzEncoder::finish).map_err(Error::internal)?;
    Ok(PackedFolder { bytes, files })
}

fn check_size(folder: &Path, entries: &[DirEntry], max_bytes: u64) -> Result<()> {
    let files = entries.iter().filter(|entry| entry.file_type().is_some_and(|file_type| file_type.is_file()));
    let mut sizes: Vec<(u64, PathBuf)> = files
        .filter_map(|entry| {
            let inside = entry.path().strip_prefix(folder).unwrap_or(entry.path());
            Some((entry.metadata().ok()?.len(), inside.to_owned()))
        })
        .collect();
    let all: u64 = sizes.iter().map(|(size, _)| size).sum();
    if all <= max_bytes {
        return Ok(());
    }
    sizes.sort_unstable_by(|(a, _), (b, _)| b.cmp(a));
    let biggest = sizes
        .iter()
        .take(MAX_NAMED_FILES)
        .map(|(size, path)| format!("{} ({})", path.display(), format_size(*size)));
    let sentence = format!(
        "{} is too large: {}; at most {}",
        folder.display(),
        format_size(all),
        format_size(max_bytes)
    );
    Err(Error::invalid("folder-too-large", sentence)
        .and_message(format!("The biggest files are {}.", biggest.collect::<Vec<_>>().join(", ")))
        .help("add files that the build does not need to .gitignore; they are not uploaded"))
}

/// Adds an entry; returns true when it is a file.
fn add_entry(
    archive: &mut Builder<GzEncoder<Vec<u8>>>,
    entry: &DirEntry,
    inside: &Path,
    now: Timestamp,
) -> io::Result<bool> {
    let Some(sort) = entry.file_type() else { return Ok(false) };
    // Owners of this machine are private, and times of folders change with each file in them.
    let mut header = Header::new_gnu();
    header.set_mtime(0);
    if sort.is_dir() {
        header.set_entry_type(EntryType::Directory);
        header.set_mode(0o755);
        header.set_size(0);
        archive.append_data(&mut header, inside, io::empty())?;
    } else if sort.is_symlink() {
        header.set_entry_type(EntryType::Symlink);
        header.set_mode(0o777);
        header.set_size(0);
        archive.append_link(&mut header, inside, fs::read_link(entry.path())?)?;
    } else if sort.is_file() {
        let content = fs::read(entry.path())?;
        // Browsers and web servers compare the time to find out whether the file has changed.
        header.set_mtime(read_modification_time(entry, now));
        header.set_mode(if platform::is_executable(entry.path()) { 0o755 } else { 0o644 });
        header.set_size(content.len() as u64);
        archive.append_data(&mut header, inside, content.as_slice())?;
        return Ok(true);
    }
    Ok(false)
}

/// Reads the time of a file's last change in seconds since 1970; never in the future.
fn read_modification_time(entry: &DirEntry, now: Timestamp) -> u64 {
    let modified = entry.metadata().ok().and_then(|found| found.modified().ok());
    let modified = modified.and_then(|modified| Timestamp::try_from(modified).ok()).unwrap_or_default();
    u64::try_from(modified.min(now).as_second()).unwrap_or(0)
}

fn build_read_error(path: &Path, cause: &io::Error) -> Error {
    Error::invalid("folder", format!("{} cannot be read: {}", path.display(), describe_io_error(cause)))
}

/// Formats a size for people.
pub fn format_size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests;
