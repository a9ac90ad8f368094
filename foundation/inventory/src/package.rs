//! A package, as a package manager knows it.

use serde::{Deserialize, Serialize};

/// Longest name, version, architecture or licence, in characters.
const MAX_FIELD_CHARS: usize = 256;
/// Longest path of a file, in characters.
const MAX_LOCATION_CHARS: usize = 512;

/// Kind of a package: the type of its purl.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PackageKind {
    /// Alpine.
    Apk,
    /// Rust.
    Cargo,
    /// PHP.
    Composer,
    /// Debian.
    Deb,
    /// Ruby.
    Gem,
    /// Go.
    Golang,
    /// Java.
    Maven,
    /// Node.js.
    Npm,
    /// Python.
    Pypi,
}

impl PackageKind {
    /// Type in a purl.
    pub fn purl_type(self) -> &'static str {
        match self {
            Self::Apk => "apk",
            Self::Cargo => "cargo",
            Self::Composer => "composer",
            Self::Deb => "deb",
            Self::Gem => "gem",
            Self::Golang => "golang",
            Self::Maven => "maven",
            Self::Npm => "npm",
            Self::Pypi => "pypi",
        }
    }
}

/// A package in an image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Package {
    /// Its kind.
    pub kind: PackageKind,
    /// Scope, vendor, group, or path of a module without its last part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name within the namespace.
    pub name: String,
    /// Version.
    pub version: String,
    /// Architecture, or platform of a gem.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// Licence, as the package says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// File that names the package, from the top of the image without a leading slash.
    pub location: String,
}

impl Package {
    /// A package without namespace, architecture and licence.
    pub fn new(kind: PackageKind, name: &str, version: &str, location: &str) -> Self {
        Self {
            kind,
            namespace: None,
            name: name.to_owned(),
            version: version.to_owned(),
            architecture: None,
            license: None,
            location: location.chars().take(MAX_LOCATION_CHARS).collect(),
        }
    }

    /// Splits a name such as `@scope/name` or `example.org/group/name` at its last slash into namespace and name.
    pub fn with_split_name(mut self) -> Self {
        if let Some((namespace, name)) = self.name.rsplit_once('/') {
            self.namespace = Some(namespace.to_owned());
            self.name = name.to_owned();
        }
        self
    }

    /// Sets the licence, if it is short text.
    pub fn with_license(mut self, license: Option<&str>) -> Self {
        self.license = license.map(str::trim).filter(|text| is_field(text)).map(str::to_owned);
        self
    }

    /// True if all fields are short printable texts, and those that identify the package have no spaces.
    pub fn is_valid(&self) -> bool {
        let is_word = |text: &str| is_field(text) && !text.contains(char::is_whitespace);
        let has_parts =
            |text: &str| text.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
        is_word(&self.name)
            && is_word(&self.version)
            && !self.name.contains('/')
            && self.namespace.as_deref().is_none_or(|text| is_word(text) && has_parts(text))
            && self.architecture.as_deref().is_none_or(is_word)
            && self.license.as_deref().is_none_or(is_field)
            && self.location.chars().count() <= MAX_LOCATION_CHARS
    }
}

/// True for text that is neither empty nor long, and has no control characters.
fn is_field(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= MAX_FIELD_CHARS && !text.chars().any(char::is_control)
}

/// Distribution of an image, by its `os-release`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distribution {
    /// Id, as in `debian`.
    pub id: String,
    /// Version, as in `13`; the name of a release that has no number yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

impl Distribution {
    /// True if its fields are short words.
    pub fn is_valid(&self) -> bool {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let is_word = |text: &str| !text.is_empty() && text.len() <= 64 && text.bytes().all(fits);
        is_word(&self.id) && self.version.as_deref().is_none_or(is_word)
    }
}
