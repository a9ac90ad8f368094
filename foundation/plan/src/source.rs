//! Access to the files of a source that the plan depends on.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read},
    path::PathBuf,
};

use hearth_base::{Error, Result};

/// Files whose content the plan depends on. An [`InMemorySource`] must contain those that exist.
pub const READ_FILES: [&str; 5] =
    ["Procfile", "package.json", "pyproject.toml", "requirements.txt", "runtime.txt"];

/// Files whose existence the plan depends on.
pub const PROBED_FILES: [&str; 18] = [
    "Containerfile",
    "Dockerfile",
    "Pipfile",
    "app.py",
    "main.py",
    "npm-shrinkwrap.json",
    "package-lock.json",
    "pnpm-lock.yaml",
    "server.js",
    "setup.py",
    "yarn.lock",
    "index.html",
    "public/index.html",
    "Cargo.toml",
    "go.mod",
    "composer.json",
    "Gemfile",
    "pom.xml",
];

/// Maximum size of a file that is read, in bytes.
pub const MAX_FILE_BYTES: u64 = 256 << 10;

/// Type of a source's entry. Symbolic links are not followed and count as missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceEntry {
    /// A file.
    File,
    /// A folder.
    Folder,
}

/// The files of a source. Paths are relative and use `/`.
pub trait SourceTree {
    /// Finds the type of the entry at a path; `None` when it does not exist.
    fn find_entry(&self, path: &str) -> Result<Option<SourceEntry>>;

    /// Reads a text file; `None` when it does not exist. Error `source-file` (invalid) when it is longer than
    /// [`MAX_FILE_BYTES`] or not UTF-8.
    fn read(&self, path: &str) -> Result<Option<String>>;

    /// Lists the names in the top folder, sorted; at most some of very many.
    fn list(&self) -> Result<Vec<String>>;

    /// True when there is a file at a path.
    fn has_file(&self, path: &str) -> Result<bool> {
        Ok(self.find_entry(path)? == Some(SourceEntry::File))
    }
}

/// A source in a folder of this machine.
#[derive(Debug, Clone)]
pub struct SourceFolder(PathBuf);

impl SourceFolder {
    /// The source in the folder `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }
}

impl SourceTree for SourceFolder {
    fn find_entry(&self, path: &str) -> Result<Option<SourceEntry>> {
        match fs::symlink_metadata(self.0.join(path)) {
            Ok(found) if found.is_file() => Ok(Some(SourceEntry::File)),
            Ok(found) if found.is_dir() => Ok(Some(SourceEntry::Folder)),
            Ok(_) => Ok(None),
            Err(cause) if matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(None)
            }
            Err(cause) => Err(build_read_error(path, &cause)),
        }
    }

    fn read(&self, path: &str) -> Result<Option<String>> {
        if !self.has_file(path)? {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        let file = fs::File::open(self.0.join(path)).map_err(|cause| build_read_error(path, &cause))?;
        file.take(MAX_FILE_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|cause| build_read_error(path, &cause))?;
        decode_text(path, bytes).map(Some)
    }

    fn list(&self) -> Result<Vec<String>> {
        let entries = fs::read_dir(&self.0).map_err(|cause| build_read_error(".", &cause))?;
        let names = entries.take(1000).filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> = names.collect();
        names.sort_unstable();
        Ok(names)
    }
}

/// A source in memory, for sources that are fetched file by file.
#[derive(Debug, Clone, Default)]
pub struct InMemorySource {
    files: BTreeMap<String, Vec<u8>>,
    names: Vec<String>,
}

impl InMemorySource {
    /// An empty source.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file.
    #[must_use]
    pub fn with_file(mut self, path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.into(), content.into());
        self
    }

    /// Adds a name in the top folder without content or type.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.names.push(name.into());
        self
    }
}

impl SourceTree for InMemorySource {
    fn find_entry(&self, path: &str) -> Result<Option<SourceEntry>> {
        let below = format!("{path}/");
        Ok(match self.files.contains_key(path) {
            true => Some(SourceEntry::File),
            false if self.files.keys().any(|file| file.starts_with(&below)) => Some(SourceEntry::Folder),
            false => None,
        })
    }

    fn read(&self, path: &str) -> Result<Option<String>> {
        self.files.get(path).map(|bytes| decode_text(path, bytes.clone())).transpose()
    }

    fn list(&self) -> Result<Vec<String>> {
        let files = self.files.keys().filter_map(|path| path.split('/').next()).map(str::to_owned);
        let mut names: Vec<String> = files.chain(self.names.iter().cloned()).collect();
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }
}

fn decode_text(path: &str, bytes: Vec<u8>) -> Result<String> {
    if bytes.len() as u64 > MAX_FILE_BYTES {
        let most = MAX_FILE_BYTES >> 10;
        return Err(Error::invalid("source-file", format!("{path} is longer than {most} KiB")));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| Error::invalid("source-file", format!("{path} is not text in UTF-8")))?;
    // Some editors write a byte order mark at the beginning.
    Ok(text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned))
}

fn build_read_error(path: &str, cause: &io::Error) -> Error {
    Error::invalid("source-file", format!("{path} cannot be read: {cause}"))
}
