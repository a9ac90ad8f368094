//! Access to the files of a source that the plan depends on.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use hearth_base::{Error, Result};

/// Files whose content the plan depends on. An [`InMemorySource`] must contain those that exist. `*` stands for the
/// name of one folder, at the top or in a named one.
pub const READ_FILES: [&str; 46] = [
    "Procfile",
    "package.json",
    "pyproject.toml",
    "requirements.txt",
    "runtime.txt",
    ".python-version",
    ".nvmrc",
    ".node-version",
    "Aptfile",
    "Containerfile",
    "Dockerfile",
    "app.py",
    "application.py",
    "main.py",
    "server.py",
    "wsgi.py",
    "asgi.py",
    "manage.py",
    "composer.json",
    "hearth.yaml",
    "*/package.json",
    "app/main.py",
    "app/__init__.py",
    "config.toml",
    "config.yaml",
    "vite.config.js",
    "vite.config.ts",
    "vite.config.mjs",
    "go.mod",
    "Cargo.toml",
    "Gemfile",
    "Gemfile.lock",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "rust-toolchain",
    "rust-toolchain.toml",
    ".ruby-version",
    ".java-version",
    "system.properties",
    "app.rb",
    "*/Cargo.toml",
    "crates/*/Cargo.toml",
    "Pipfile",
    "setup.py",
    "setup.cfg",
];

/// Files whose existence the plan depends on. `*` stands for the name of one folder.
pub const PROBED_FILES: [&str; 69] = [
    "Pipfile.lock",
    "hugo.toml",
    "hugo.yaml",
    "hugo.json",
    "mkdocs.yml",
    "_config.yml",
    "poetry.lock",
    "uv.lock",
    "pdm.lock",
    ".npmrc",
    ".yarnrc.yml",
    "pnpm-workspace.yaml",
    ".pnpmfile.cjs",
    "npm-shrinkwrap.json",
    "package-lock.json",
    "pnpm-lock.yaml",
    "yarn.lock",
    "server.js",
    "index.js",
    "app.js",
    "index.html",
    "public/index.html",
    "index.php",
    "public/index.php",
    "public_html/index.php",
    "public_html/index.html",
    "composer.lock",
    "*/wsgi.py",
    "*/asgi.py",
    "*/Containerfile",
    "*/Dockerfile",
    "*/Procfile",
    "*/requirements.txt",
    "*/pyproject.toml",
    "*/package-lock.json",
    "*/npm-shrinkwrap.json",
    "*/pnpm-lock.yaml",
    "*/yarn.lock",
    "*/.npmrc",
    "*/.yarnrc.yml",
    "*/pnpm-workspace.yaml",
    "*/.pnpmfile.cjs",
    "*/composer.json",
    "*/index.php",
    "*/index.html",
    "*/go.mod",
    "*/Gemfile",
    "*/pom.xml",
    "*/build.gradle",
    "main.go",
    "go.sum",
    "go.work",
    "vendor/modules.txt",
    "src/main.rs",
    "src/lib.rs",
    "Cargo.lock",
    ".cargo/config.toml",
    "build.rs",
    "config.ru",
    "bin/rails",
    "gradlew",
    "gradle/wrapper/gradle-wrapper.jar",
    "settings.gradle",
    "settings.gradle.kts",
    "*/main.go",
    "*/src/main.rs",
    "cmd/*/main.go",
    "crates/*/src/main.rs",
    "*/build.gradle.kts",
];

/// Folders in which no application is looked for.
const SKIPPED_FOLDERS: [&str; 6] = ["node_modules", "venv", "env", "vendor", "__pycache__", "site-packages"];

/// Maximum number of folders in which files are looked for.
pub const MAX_SEARCHED_FOLDERS: usize = 200;

/// Maximum size of a file that is read, in bytes.
pub const MAX_FILE_BYTES: u64 = 256 << 10;

/// Type of a source's entry. A symbolic link counts as its target if that is in the source, otherwise as missing.
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

    /// Lists the names of the folders in the top folder, sorted; at most some of very many.
    fn list_folders(&self) -> Result<Vec<String>>;

    /// Lists the names of the folders in a folder, sorted; at most some of very many, and none without the folder.
    fn list_folders_of(&self, parent: &str) -> Result<Vec<String>>;

    /// Finds the files `FOLDER/name`, sorted by folder. Hidden folders and those of packages are skipped.
    fn find_in_folders(&self, name: &str) -> Result<Vec<String>> {
        find_in_each(self, "", &self.list_folders()?, name)
    }

    /// Finds the files `parent/FOLDER/name`, sorted by folder. Hidden folders and those of packages are skipped.
    fn find_in_folders_of(&self, parent: &str, name: &str) -> Result<Vec<String>> {
        find_in_each(self, &format!("{parent}/"), &self.list_folders_of(parent)?, name)
    }

    /// True when there is a file at a path.
    fn has_file(&self, path: &str) -> Result<bool> {
        Ok(self.find_entry(path)? == Some(SourceEntry::File))
    }
}

fn find_in_each<S: SourceTree + ?Sized>(
    source: &S,
    prefix: &str,
    folders: &[String],
    name: &str,
) -> Result<Vec<String>> {
    let searched =
        folders.iter().filter(|name| !name.starts_with('.') && !SKIPPED_FOLDERS.contains(&name.as_str()));
    let mut found = Vec::new();
    for folder in searched.take(MAX_SEARCHED_FOLDERS) {
        let path = format!("{prefix}{folder}/{name}");
        if source.has_file(&path)? {
            found.push(path);
        }
    }
    Ok(found)
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
        let refused = |cause: io::Error| build_read_error(path, &cause);
        let full = self.0.join(path);
        let resolved = match fs::canonicalize(&full) {
            Ok(resolved) => resolved,
            Err(cause) if matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            // A link to itself, for example.
            Err(_) if fs::symlink_metadata(&full).is_ok_and(|found| found.is_symlink()) => return Ok(None),
            Err(cause) => return Err(refused(cause)),
        };
        if !resolved.starts_with(fs::canonicalize(&self.0).map_err(refused)?) {
            return Ok(None);
        }
        let found = fs::metadata(&resolved).map_err(refused)?;
        Ok(match (found.is_file(), found.is_dir()) {
            (true, _) => Some(SourceEntry::File),
            (_, true) => Some(SourceEntry::Folder),
            _ => None,
        })
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
        list_names(&self.0, ".")
    }

    fn list_folders(&self) -> Result<Vec<String>> {
        let names = self.list()?.into_iter();
        let folders = names.map(|name| match self.find_entry(&name)? {
            Some(SourceEntry::Folder) => Ok(Some(name)),
            _ => Ok(None),
        });
        folders.filter_map(Result::transpose).collect()
    }

    fn list_folders_of(&self, parent: &str) -> Result<Vec<String>> {
        if self.find_entry(parent)? != Some(SourceEntry::Folder) {
            return Ok(Vec::new());
        }
        let names = list_names(&self.0.join(parent), parent)?.into_iter();
        let folders = names.map(|name| match self.find_entry(&format!("{parent}/{name}"))? {
            Some(SourceEntry::Folder) => Ok(Some(name)),
            _ => Ok(None),
        });
        folders.filter_map(Result::transpose).collect()
    }
}

/// Lists the names in a folder, sorted; at most 1000. `shown` is its path for messages.
fn list_names(folder: &Path, shown: &str) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).map_err(|cause| build_read_error(shown, &cause))?;
    let names = entries.take(1000).filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.collect();
    names.sort_unstable();
    Ok(names)
}

/// A source in memory, for sources that are fetched file by file.
#[derive(Debug, Clone, Default)]
pub struct InMemorySource {
    files: BTreeMap<String, Vec<u8>>,
    names: Vec<String>,
    folders: Vec<String>,
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

    /// Adds a folder in the top folder.
    #[must_use]
    pub fn with_folder(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.names.push(name.clone());
        self.folders.push(name);
        self
    }
}

impl SourceTree for InMemorySource {
    fn find_entry(&self, path: &str) -> Result<Option<SourceEntry>> {
        let below = format!("{path}/");
        Ok(match self.files.contains_key(path) {
            true => Some(SourceEntry::File),
            false if self.folders.iter().any(|folder| folder == path) => Some(SourceEntry::Folder),
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

    fn list_folders(&self) -> Result<Vec<String>> {
        let above =
            self.files.keys().filter_map(|path| path.split_once('/')).map(|(name, _)| name.to_owned());
        let mut folders: Vec<String> = above.chain(self.folders.iter().cloned()).collect();
        folders.sort_unstable();
        folders.dedup();
        Ok(folders)
    }

    fn list_folders_of(&self, parent: &str) -> Result<Vec<String>> {
        let below = self.files.keys().filter_map(|path| path.strip_prefix(parent)?.strip_prefix('/'));
        let folders = below.filter_map(|path| path.split_once('/')).map(|(name, _)| name.to_owned());
        let mut folders: Vec<String> = folders.collect();
        folders.dedup();
        Ok(folders)
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
