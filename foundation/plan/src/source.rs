//! A small view of a source: the few files at its top that matter.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read},
    path::PathBuf,
};

use hearth_base::{Error, Result};

/// The files whose text matters. Whoever brings a source from elsewhere brings these, if they are there.
pub const READ: [&str; 5] = ["Procfile", "package.json", "pyproject.toml", "requirements.txt", "runtime.txt"];

/// The files of which only matters whether they are there.
pub const LOOKED_AT: [&str; 18] = [
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

/// The most bytes of one file that are read.
pub const MOST_BYTES: u64 = 256 << 10;

/// What a path of a source is. Links are followed nowhere and count as nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// A file.
    File,
    /// A folder.
    Folder,
}

/// A small view of a source. Paths are relative and use `/`.
pub trait Source {
    /// What is at a path, if there is anything.
    fn entry(&self, path: &str) -> Result<Option<Entry>>;

    /// The text of a file, if it is there; refused when it is longer than [`MOST_BYTES`] or not text.
    fn read(&self, path: &str) -> Result<Option<String>>;

    /// The names at the top, in order; of very many only some.
    fn list(&self) -> Result<Vec<String>>;

    /// Whether there is a file at a path.
    fn has_file(&self, path: &str) -> Result<bool> {
        Ok(self.entry(path)? == Some(Entry::File))
    }
}

/// A folder of this machine.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder at `path`.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }
}

impl Source for Folder {
    fn entry(&self, path: &str) -> Result<Option<Entry>> {
        match fs::symlink_metadata(self.0.join(path)) {
            Ok(found) if found.is_file() => Ok(Some(Entry::File)),
            Ok(found) if found.is_dir() => Ok(Some(Entry::Folder)),
            Ok(_) => Ok(None),
            Err(cause) if matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(None)
            }
            Err(cause) => Err(unreadable(path, &cause)),
        }
    }

    fn read(&self, path: &str) -> Result<Option<String>> {
        if !self.has_file(path)? {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        let file = fs::File::open(self.0.join(path)).map_err(|cause| unreadable(path, &cause))?;
        file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|cause| unreadable(path, &cause))?;
        text(path, bytes).map(Some)
    }

    fn list(&self) -> Result<Vec<String>> {
        let entries = fs::read_dir(&self.0).map_err(|cause| unreadable(".", &cause))?;
        let names = entries.take(1000).filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> = names.collect();
        names.sort_unstable();
        Ok(names)
    }
}

/// A source that was brought from elsewhere, file by file.
#[derive(Debug, Clone, Default)]
pub struct InMemory {
    files: BTreeMap<String, Vec<u8>>,
    names: Vec<String>,
}

impl InMemory {
    /// A source with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file.
    #[must_use]
    pub fn with(mut self, path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.into(), content.into());
        self
    }

    /// Adds a name at the top of which nothing else is known.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.names.push(name.into());
        self
    }
}

impl Source for InMemory {
    fn entry(&self, path: &str) -> Result<Option<Entry>> {
        let below = format!("{path}/");
        Ok(match self.files.contains_key(path) {
            true => Some(Entry::File),
            false if self.files.keys().any(|file| file.starts_with(&below)) => Some(Entry::Folder),
            false => None,
        })
    }

    fn read(&self, path: &str) -> Result<Option<String>> {
        self.files.get(path).map(|bytes| text(path, bytes.clone())).transpose()
    }

    fn list(&self) -> Result<Vec<String>> {
        let files = self.files.keys().filter_map(|path| path.split('/').next()).map(str::to_owned);
        let mut names: Vec<String> = files.chain(self.names.iter().cloned()).collect();
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }
}

fn text(path: &str, bytes: Vec<u8>) -> Result<String> {
    if bytes.len() as u64 > MOST_BYTES {
        let most = MOST_BYTES >> 10;
        return Err(Error::invalid("source-file", format!("{path} is longer than {most} KiB")));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| Error::invalid("source-file", format!("{path} is not text in UTF-8")))?;
    // Some editors begin a text with a byte order mark.
    Ok(text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned))
}

fn unreadable(path: &str, cause: &io::Error) -> Error {
    Error::invalid("source-file", format!("{path} cannot be read: {cause}"))
}
