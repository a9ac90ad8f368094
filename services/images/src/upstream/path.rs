//! Paths of the registry below an upstream: a repository of several parts, and what is requested of it.

use std::{fmt, str::FromStr};

use hearth_base::{Digest, Error, PathParam, Result};

use crate::names::{ImageName, ManifestReference, quote_untrusted};

/// Maximum length of a repository's name, in bytes (OCI distribution specification, "Pulling manifests").
const MAX_REPOSITORY_BYTES: usize = 255;

/// Name of a repository of an upstream: one or more parts, each like the name of an image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UpstreamRepository(String);

/// Part of a repository that is requested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpstreamResource {
    /// A manifest, by tag or digest.
    Manifest(ManifestReference),
    /// A blob.
    Blob(Digest),
    /// The list of tags.
    Tags,
}

impl fmt::Display for UpstreamResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manifest(reference) => write!(f, "manifests/{reference}"),
            Self::Blob(digest) => write!(f, "blobs/{digest}"),
            Self::Tags => f.write_str("tags/list"),
        }
    }
}

/// Path below an upstream: `REPOSITORY/manifests/REFERENCE`, `REPOSITORY/blobs/DIGEST` or `REPOSITORY/tags/list`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamPath {
    pub repository: UpstreamRepository,
    pub resource: UpstreamResource,
}

impl UpstreamRepository {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UpstreamRepository {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.len() <= MAX_REPOSITORY_BYTES && text.split('/').all(|part| part.parse::<ImageName>().is_ok())
        {
            return Ok(Self(text.to_owned()));
        }
        let what = format!("{} is not the name of a repository", quote_untrusted(text));
        Err(Error::invalid("name-invalid", what)
            .help("use lower-case letters, digits, dots, hyphens and slashes"))
    }
}

impl fmt::Display for UpstreamRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for UpstreamPath {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut parts = text.rsplitn(3, '/');
        let (last, kind, repository) = (parts.next(), parts.next(), parts.next());
        let (Some(last), Some(kind), Some(repository)) = (last, kind, repository) else {
            return Err(build_path_error(text));
        };
        let resource = match (kind, last) {
            ("manifests", reference) => UpstreamResource::Manifest(reference.parse()?),
            ("blobs", digest) => UpstreamResource::Blob(digest.parse()?),
            ("tags", "list") => UpstreamResource::Tags,
            _ => return Err(build_path_error(text)),
        };
        Ok(Self { repository: repository.parse()?, resource })
    }
}

impl PathParam for UpstreamPath {
    const PARAM_NAME: &'static str = "path";
}

fn build_path_error(text: &str) -> Error {
    let what = format!("an upstream registry has no path {}", quote_untrusted(text));
    Error::new(hearth_base::ErrorKind::NotFound, "name-unknown", what)
        .help("images are pulled as upstream/NAME/REPOSITORY:TAG")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZERO_DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

    #[test]
    fn path_names_a_repository_of_any_depth_and_a_resource() -> Result<()> {
        let parse = |text: &str| text.parse::<UpstreamPath>();
        let path = parse("alpine/manifests/3.20")?;
        assert_eq!(path.repository.as_str(), "alpine");
        assert_eq!(path.resource, UpstreamResource::Manifest("3.20".parse()?));
        let path = parse(&format!("a/b/manifests/blobs/{ZERO_DIGEST}"))?;
        assert_eq!(path.repository.as_str(), "a/b/manifests");
        assert_eq!(path.resource, UpstreamResource::Blob(ZERO_DIGEST.parse()?));
        assert_eq!(parse("a/b/c/d/tags/list")?.resource, UpstreamResource::Tags);
        Ok(())
    }

    #[test]
    fn path_of_anything_else_is_refused() {
        for text in [
            "",
            "alpine",
            "manifests/latest",
            "alpine/manifests/",
            "alpine/blobs/latest",
            "alpine/blobs/uploads",
            "alpine/tags/other",
            "alpine/referrers/sha256:00",
            "../alpine/manifests/latest",
            "a//b/manifests/latest",
            "a/%2e%2e/manifests/latest",
            "A/manifests/latest",
            "a?b/manifests/latest",
        ] {
            assert!(text.parse::<UpstreamPath>().is_err(), "{text:?}");
        }
        let long = format!("{}/manifests/latest", ["abcdefgh"; 29].join("/"));
        assert!(long.parse::<UpstreamPath>().is_err());
    }
}
