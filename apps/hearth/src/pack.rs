//! A folder as an archive to be built: what git would ignore stays here, and links are never followed.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use hearth_base::{Error, Result};
use ignore::{DirEntry, WalkBuilder};
use tar::{Builder, EntryType, Header};

use crate::{platform, trouble::why};

/// An archive (tar, gzip), in which the same folder always has the same bytes.
#[derive(Debug)]
pub struct Packed {
    /// The archive.
    pub bytes: Vec<u8>,
    /// How many files are in it.
    pub files: usize,
}

/// The most that a folder may hold, before it is compressed: what is larger is no source.
const MOST: u64 = 256 << 20;

/// How many of the biggest files are named when it is too much.
const NAMED: usize = 5;

/// Whether `path`, as somebody typed it, means a folder of this machine and not an address.
pub fn is_folder(path: &str) -> bool {
    !path.contains("://") && (path.starts_with(['.', '/', '~']) || Path::new(path).is_dir())
}

/// Packs what is in `folder`.
pub fn pack(folder: &Path) -> Result<Packed> {
    pack_up_to(folder, MOST)
}

fn pack_up_to(folder: &Path, most: u64) -> Result<Packed> {
    if !folder.is_dir() {
        return Err(Error::invalid("no-folder", format!("{} is not a folder", folder.display()))
            .help("name a folder, or the address of a git repository"));
    }
    let entries = found(folder)?;
    check_size(folder, &entries, most)?;
    let mut archive = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut files = 0;
    for entry in &entries {
        let inside = entry.path().strip_prefix(folder).unwrap_or(entry.path());
        let refused = |cause: io::Error| unreadable(entry.path(), &cause);
        files += usize::from(add(&mut archive, entry, inside).map_err(refused)?);
    }
    if files == 0 {
        return Err(Error::invalid(
            "empty-folder",
            format!("{} has no files to build from", folder.display()),
        )
        .help("cd to the folder of your tool"));
    }
    let bytes = archive.into_inner().and_then(GzEncoder::finish).map_err(Error::internal)?;
    Ok(Packed { bytes, files })
}

/// Everything that git would not ignore, in one order wherever it is asked for.
fn found(folder: &Path) -> Result<Vec<DirEntry>> {
    let mut walk = WalkBuilder::new(folder);
    walk.hidden(false).require_git(false).follow_links(false).sort_by_file_path(Ord::cmp);
    walk.filter_entry(|entry| entry.file_name() != ".git");
    let entries = walk.build().skip(1).map(|entry| {
        entry.map_err(|cause| Error::invalid("folder", format!("the folder cannot be read: {cause}")))
    });
    entries.collect()
}

fn check_size(folder: &Path, entries: &[DirEntry], most: u64) -> Result<()> {
    let files = entries.iter().filter(|entry| entry.file_type().is_some_and(|sort| sort.is_file()));
    let mut sizes: Vec<(u64, PathBuf)> = files
        .filter_map(|entry| {
            let inside = entry.path().strip_prefix(folder).unwrap_or(entry.path());
            Some((entry.metadata().ok()?.len(), inside.to_owned()))
        })
        .collect();
    let all: u64 = sizes.iter().map(|(size, _)| size).sum();
    if all <= most {
        return Ok(());
    }
    sizes.sort_unstable_by(|(a, _), (b, _)| b.cmp(a));
    let biggest =
        sizes.iter().take(NAMED).map(|(size, path)| format!("{} ({})", path.display(), told(*size)));
    let sentence = format!("{} holds {}, and {} is the most", folder.display(), told(all), told(most));
    Err(Error::invalid("folder-too-large", sentence)
        .also(format!("The biggest are {}.", biggest.collect::<Vec<_>>().join(", ")))
        .help("name what is no source in .gitignore; it is not uploaded then"))
}

/// Adds an entry; whether it is a file.
fn add(archive: &mut Builder<GzEncoder<Vec<u8>>>, entry: &DirEntry, inside: &Path) -> io::Result<bool> {
    let Some(sort) = entry.file_type() else { return Ok(false) };
    // Times and owners of this machine are nobody's business, and would make every archive another one.
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
        header.set_mode(if platform::is_program(entry.path()) { 0o755 } else { 0o644 });
        header.set_size(content.len() as u64);
        archive.append_data(&mut header, inside, content.as_slice())?;
        return Ok(true);
    }
    Ok(false)
}

fn unreadable(path: &Path, cause: &io::Error) -> Error {
    Error::invalid("folder", format!("{} cannot be read: {}", path.display(), why(cause)))
}

/// A size for people.
pub fn told(bytes: u64) -> String {
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

    fn folder() -> io::Result<tempfile::TempDir> {
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

    fn names(packed: &Packed) -> io::Result<Vec<String>> {
        let mut plain = Vec::new();
        GzDecoder::new(packed.bytes.as_slice()).read_to_end(&mut plain)?;
        let mut archive = tar::Archive::new(plain.as_slice());
        archive.entries()?.map(|entry| Ok(entry?.path()?.display().to_string())).collect()
    }

    #[test]
    fn what_git_ignores_stays_here_and_its_own_folder_does() -> Result<(), Box<dyn std::error::Error>> {
        let folder = folder()?;
        let packed = pack(folder.path())?;
        let names = names(&packed)?.join(" ").replace("lib/ ", "lib ");
        assert_eq!(names, ".env.example .gitignore app.py lib lib/part.py");
        assert_eq!(packed.files, 4);
        assert_eq!(packed.bytes, pack(folder.path())?.bytes, "the same folder has the same bytes");
        Ok(())
    }

    #[test]
    fn a_folder_that_is_too_large_names_what_is() -> Result<(), Box<dyn std::error::Error>> {
        let folder = folder()?;
        fs::write(folder.path().join("model.bin"), vec![0; 2_000])?;
        let error = pack_up_to(folder.path(), 1_000).err();
        let named =
            error.is_some_and(|error| error.sentences().any(|line| line.contains("model.bin (2 kB)")));
        assert!(named);
        Ok(())
    }

    #[test]
    fn an_empty_folder_is_refused() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        fs::create_dir(folder.path().join("empty"))?;
        let code = pack(folder.path()).err().map(|error| error.code().to_owned());
        assert_eq!(code.as_deref(), Some("empty-folder"));
        Ok(())
    }
}
