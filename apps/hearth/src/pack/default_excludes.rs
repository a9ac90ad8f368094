//! Files and folders that are not uploaded by default, whatever git ignores: credentials, version control, installed
//! packages and caches.

use std::{
    fs::File,
    io::Read,
    path::{Component, Path},
};

/// The reason for which an entry is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExcludeReason {
    /// It holds a password, token or private key.
    Credential,
    /// It belongs to a version control system.
    VersionControl,
    /// Installed packages or a cache, which the build makes anew.
    PackageOrCache,
}

impl ExcludeReason {
    /// Returns the group's name in messages; version control needs none.
    pub fn group_name(self) -> Option<&'static str> {
        match self {
            Self::Credential => Some("credentials"),
            Self::VersionControl => None,
            Self::PackageOrCache => Some("packages, caches"),
        }
    }
}

/// Folders of version control systems; `.git` may be a file.
const VERSION_CONTROL_NAMES: [&str; 5] = [".git", ".hg", ".svn", ".jj", ".bzr"];

/// Folders of installed packages and caches.
const CACHE_FOLDERS: [&str; 17] = [
    "venv",
    ".venv",
    "node_modules",
    "__pycache__",
    ".cache",
    ".eggs",
    ".gradle",
    ".hypothesis",
    ".ipynb_checkpoints",
    ".mypy_cache",
    ".nox",
    ".parcel-cache",
    ".pnpm-store",
    ".pytest_cache",
    ".ruff_cache",
    ".sass-cache",
    ".tox",
];

/// Files that mark their folder as a virtual environment or a cache (<https://bford.info/cachedir/>).
const CACHE_MARKERS: [&str; 2] = ["pyvenv.cfg", "CACHEDIR.TAG"];

/// Files that programs create and no build needs.
const CACHE_FILES: [&str; 2] = [".DS_Store", "Thumbs.db"];

/// Folders that hold credentials.
const CREDENTIAL_FOLDERS: [&str; 4] = [".ssh", ".gnupg", ".kube", ".password-store"];

/// Names of files that hold credentials, in lower case.
const CREDENTIAL_FILES: [&str; 16] = [
    ".netrc",
    "_netrc",
    ".pgpass",
    ".my.cnf",
    ".git-credentials",
    ".pypirc",
    ".dockercfg",
    ".s3cfg",
    ".boto",
    ".vault-token",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "id_ecdsa_sk",
    "id_ed25519_sk",
];

/// Paths of credentials that only their folder identifies.
const CREDENTIAL_PATHS: [&str; 4] =
    [".aws/credentials", ".docker/config.json", ".config/gcloud", "hearth/credentials.toml"];

/// Extensions of key stores.
const KEY_STORE_EXTENSIONS: [&str; 6] = ["p12", "pfx", "jks", "keystore", "kdbx", "ppk"];

/// Extensions of files that hold keys or public certificates.
const PEM_EXTENSIONS: [&str; 2] = ["pem", "key"];

/// Parts of names of `.env` files that are examples without secrets.
const EXAMPLE_WORDS: [&str; 6] = ["example", "sample", "template", "dist", "default", "schema"];

/// Keys of `.npmrc` that hold credentials.
const NPM_CREDENTIAL_KEYS: [&str; 3] = ["_authToken", "_auth", "_password"];

/// The number of bytes in which the marks of a key are looked for.
const MAX_INSPECTED_BYTES: u64 = 64 << 10;

/// Finds the reason to leave out the entry at `path`, which is `inside` the uploaded folder.
pub fn find_exclude_reason(path: &Path, inside: &Path, is_folder: bool) -> Option<ExcludeReason> {
    let name = inside.file_name()?.to_str()?;
    if VERSION_CONTROL_NAMES.contains(&name) && (is_folder || name == ".git") {
        return Some(ExcludeReason::VersionControl);
    }
    if CREDENTIAL_PATHS.iter().any(|known| inside.ends_with(known)) {
        return Some(ExcludeReason::Credential);
    }
    if is_folder {
        if CREDENTIAL_FOLDERS.contains(&name) {
            return Some(ExcludeReason::Credential);
        }
        let is_cache =
            CACHE_FOLDERS.contains(&name) || CACHE_MARKERS.iter().any(|marker| path.join(marker).is_file());
        return is_cache.then_some(ExcludeReason::PackageOrCache);
    }
    if CACHE_FILES.contains(&name) || has_extension(inside, &["pyc"]) {
        return Some(ExcludeReason::PackageOrCache);
    }
    holds_credential(path, inside, name).then_some(ExcludeReason::Credential)
}

fn holds_credential(path: &Path, inside: &Path, name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    if CREDENTIAL_FILES.contains(&name.as_str()) || has_extension(inside, &KEY_STORE_EXTENSIONS) {
        return true;
    }
    if name.starts_with(".env") {
        return !EXAMPLE_WORDS.iter().any(|word| name.contains(word));
    }
    let text = read_beginning(path);
    if name == ".npmrc" {
        // A reference to a variable, such as `${NPM_TOKEN}`, is no credential.
        return text.lines().filter_map(|line| line.split_once('=')).any(|(key, value)| {
            NPM_CREDENTIAL_KEYS.iter().any(|known| key.trim().ends_with(known))
                && !value.trim().starts_with("${")
        });
    }
    if has_extension(inside, &PEM_EXTENSIONS) {
        // A certificate or a public key is no secret.
        return !text.contains("-----BEGIN ") || text.contains("PRIVATE KEY-----");
    }
    let first_line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    first_line.starts_with("-----BEGIN ") && first_line.contains("PRIVATE KEY")
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    extensions.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// Reads the beginning of a file as text; empty when it is no file or cannot be read, which packing reports.
fn read_beginning(path: &Path) -> String {
    let mut bytes = Vec::new();
    let is_file = path.symlink_metadata().is_ok_and(|found| found.is_file());
    if let Some(file) = is_file.then(|| File::open(path).ok()).flatten() {
        let _packing_reports_it = file.take(MAX_INSPECTED_BYTES).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Returns true for a relative path without `..`.
pub fn is_path_inside(path: &Path) -> bool {
    let mut parts = path.components().peekable();
    parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_)))
}
