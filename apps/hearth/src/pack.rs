//! Packing of a folder into a source archive. Files that git ignores are left out, and links are never
//! followed.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use hearth_base::{Error, Result};
use ignore::{DirEntry, WalkBuilder};
use tar::{Builder, EntryType, Header};

use crate::{io_error::describe_io_error, platform};

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

/// Packs the content of `folder`.
pub fn pack_folder(folder: &Path) -> Result<PackedFolder> {
    pack_folder_up_to(folder, MAX_FOLDER_BYTES)
}

fn pack_folder_up_to(folder: &Path, max_bytes: u64) -> Result<PackedFolder> {
    if !folder.is_dir() {
        return Err(Error::invalid("no-folder", format!("{} is not a folder", folder.display()))
            .help("name a folder, or the address of a git repository"));
    }
    let entries = list_entries(folder)?;
    check_size(folder, &entries, max_bytes)?;
    let mut archive = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut files = 0;
    for entry in &entries {
        let inside = entry.path().strip_prefix(folder).unwrap_or(entry.path());
        let refused = |cause: io::Error| build_read_error(entry.path(), &cause);
        files += usize::from(add_entry(&mut archive, entry, inside).map_err(refused)?);
    }
    if files == 0 {
        return Err(Error::invalid(
            "empty-folder",
            format!("{} has no files to build from", folder.display()),
        )
        .help("cd to the folder of your tool"));
    }
    let bytes = archive.into_inner().and_then(GzEncoder::finish).map_err(Error::internal)?;
    Ok(PackedFolder { bytes, files })
}

/// Lists all entries that git would not ignore, in the same order on every machine.
fn list_entries(folder: &Path) -> Result<Vec<DirEntry>> {
    let mut walk = WalkBuilder::new(folder);
    walk.hidden(false).require_git(false).follow_links(false).sort_by_file_path(Ord::cmp);
    walk.filter_entry(|entry| entry.file_name() != ".git");
    let entries = walk.build().skip(1).map(|entry| {
        entry.map_err(|cause| Error::invalid("folder", format!("the folder cannot be read: {cause}")))
    });
    entries.collect()
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
fn add_entry(archive: &mut Builder<GzEncoder<Vec<u8>>>, entry: &DirEntry, inside: &Path) -> io::Result<bool> {
    let Some(sort) = entry.file_type() else { return Ok(false) };
    // Times and owners of this machine are private, and would make every archive different.
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
        header.set_mode(if platform::is_executable(entry.path()) { 0o755 } else { 0o644 });
        header.set_size(content.len() as u64);
        archive.append_data(&mut header, inside, content.as_slice())?;
        return Ok(true);
    }
    Ok(false)
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
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    fn create_sample_folder() -> io::Result<tempfile::TempDir> {
        let folder = tempfile::tempdir()?;
        for (path, text) in [
            (".gitignore", "*.log\nbuild/\n"),
            (".env.example", "A=\n"),
            (".git/config", "secret\n"),
            ("app.py", "print()\n"),
            ("debug.log", "long\n"),
            ("build/out", "big\n"),
            ("lib/part.py", "pass\n"),
        ] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap_or(&path))?;
            fs::write(path, text)?;
        }
        Ok(folder)
    }

    fn list_names(packed: &PackedFolder) -> io::Result<Vec<String>> {
        let mut plain = Vec::new();
        GzDecoder::new(packed.bytes.as_slice()).read_to_end(&mut plain)?;
        let mut archive = tar::Archive::new(plain.as_slice());
        archive.entries()?.map(|entry| Ok(entry?.path()?.display().to_string())).collect()
    }

    #[test]
    fn archive_has_neither_ignored_files_nor_the_git_folder() -> Result<(), Box<dyn std::error::Error>> {
        let folder = create_sample_folder()?;
        let packed = pack_folder(folder.path())?;
        let names = list_names(&packed)?.join(" ").replace("lib/ ", "lib ");
        assert_eq!(names, ".env.example .gitignore app.py lib lib/part.py");
        assert_eq!(packed.files, 4);
        assert_eq!(packed.bytes, pack_folder(folder.path())?.bytes, "the same folder has the same bytes");
        Ok(())
    }

    #[test]
    fn refusal_of_a_large_folder_names_its_biggest_files() -> Result<(), Box<dyn std::error::Error>> {
        let folder = create_sample_folder()?;
        fs::write(folder.path().join("model.bin"), vec![0; 2_000])?;
        let error = pack_folder_up_to(folder.path(), 1_000).err();
        let named =
            error.is_some_and(|error| error.public_messages().any(|line| line.contains("model.bin (2 kB)")));
        assert!(named);
        Ok(())
    }

    #[test]
    fn empty_folder_is_refused() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        fs::create_dir(folder.path().join("empty"))?;
        let code = pack_folder(folder.path()).err().map(|error| error.code().to_owned());
        assert_eq!(code.as_deref(), Some("empty-folder"));
        Ok(())
    }
}
