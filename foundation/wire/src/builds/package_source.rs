//! Package sources, for operators: `/builds/v1/package-sources`; and those that a tool may use:
//! `/builds/v1/tool/{tool}/package-sources`.

use hearth_base::PackageSourceName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// New content of a package source: an archive of Debian packages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::PackageSourcePut)]
pub struct PackageSourcePut {
    /// File in the deb822 form of sources.list(5), with one stanza: `Types`, `URIs`, `Suites`, `Components`,
    /// `Architectures`. A field `Signed-By` is ignored.
    pub file: String,
    /// Public OpenPGP key in ASCII armor that signs the archive.
    pub key: String,
    /// Builds that get the source.
    #[serde(default)]
    pub access: PackageSourceAccess,
    /// True: its packages may replace those of Debian. Without it, builds take Debian's version of each package that Debian
    /// has.
    #[serde(default)]
    pub overrides_debian: bool,
}

/// Builds that get a package source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::PackageSourceAccess)]
#[serde(rename_all = "kebab-case")]
pub enum PackageSourceAccess {
    /// Builds of the tools to which it was granted.
    #[default]
    Granted,
    /// Builds of all tools.
    All,
}

/// A package source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::PackageSource)]
pub struct PackageSource {
    /// Its name.
    #[schema(value_type = String)]
    pub name: PackageSourceName,
    /// Its file, without a key.
    pub file: String,
    /// Public OpenPGP key in ASCII armor that signs the archive.
    pub key: String,
    /// Builds that get the source.
    pub access: PackageSourceAccess,
    /// True when its packages may replace those of Debian.
    pub overrides_debian: bool,
    /// Number of the tools to which it was granted.
    pub granted: u64,
    /// Time when it was added.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// Time of its last change.
    #[schema(value_type = String, format = DateTime)]
    pub updated: Timestamp,
}

/// One package source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::PackageSourceOne)]
pub struct PackageSourceOne {
    /// The source.
    pub package_source: PackageSource,
}

/// All package sources, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::PackageSourceList)]
pub struct PackageSourceList {
    /// The sources.
    pub package_sources: Vec<PackageSource>,
}

/// A package source that the builds of a tool get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::ToolPackageSource)]
pub struct ToolPackageSource {
    /// Its name.
    #[schema(value_type = String)]
    pub name: PackageSourceName,
    /// Addresses of the archive.
    pub uris: Vec<String>,
    /// True when its packages may replace those of Debian.
    pub overrides_debian: bool,
}

/// The package sources that the builds of a tool get besides Debian, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::ToolPackageSourceList)]
pub struct ToolPackageSourceList {
    /// The sources.
    pub package_sources: Vec<ToolPackageSource>,
}
