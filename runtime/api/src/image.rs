//! Images and layers, identified by digest. The caller reads the manifest; the runtime stores the layers.

use std::{fmt, str::FromStr};

use hearth_base::{Digest, Error, Result, Secret};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncRead;

/// A stream of a layer's bytes.
pub type ByteStream<'a> = Box<dyn AsyncRead + Send + Unpin + 'a>;

/// Maximum length of a repository name, including its host (OCI distribution specification, "Pulling
/// manifests").
const MAX_REPOSITORY_BYTES: usize = 255;

/// An immutable image reference, `repository@sha256:…`, with the digest of the image's manifest.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageReference {
    repository: String,
    digest: Digest,
}

/// The source from which a runtime gets an image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "kebab-case")]
pub enum ImageSource {
    /// The caller delivers the layers: [`crate::Runtime::ensure_image`], then [`crate::Runtime::add_layer`].
    #[default]
    Delivered,
    /// The runtime pulls it from the registry that the reference names.
    Registry {
        /// Credential for the registry, if it requires one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        credential: Option<RegistryCredential>,
    },
}

/// A credential for a registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryCredential {
    /// User name at the registry.
    pub username: String,
    /// Password or token.
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub password: Secret,
}

/// An image reference with the layers that its manifest lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedImage {
    /// The reference.
    pub reference: ImageReference,
    /// The layers, the lowest first.
    pub layers: Vec<LayerDescriptor>,
}

/// Descriptor of a layer in a manifest (OCI image specification, `descriptor.md`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerDescriptor {
    /// SHA-256 of the layer's bytes as stored in a registry; the layer's identity.
    pub digest: Digest,
    /// Size of these bytes.
    pub size: u64,
    /// Compression of these bytes.
    pub compression: Compression,
    /// SHA-256 of the uncompressed archive (`config.md`, "Layer DiffID"), if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff_id: Option<Digest>,
}

impl LayerDescriptor {
    /// Builds a descriptor from a manifest's entry. Error `layer-type` for a media type that cannot be
    /// unpacked.
    pub fn from_manifest(
        digest: Digest,
        size: u64,
        media_type: &str,
        diff_id: Option<Digest>,
    ) -> Result<Self> {
        Ok(Self { digest, size, compression: Compression::from_media_type(media_type)?, diff_id })
    }
}

/// Compression of a layer's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compression {
    /// Uncompressed.
    None,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl ImageReference {
    /// Builds a reference from a repository and a manifest digest.
    pub fn new(repository: &str, digest: Digest) -> Result<Self> {
        if !is_repository(repository) {
            return Err(Error::invalid(
                "image-reference",
                format!("invalid image repository: {repository:.200?}; expected HOST/NAME in lower case"),
            )
            .help("use a repository such as hearth.example/hearth/python3.11"));
        }
        Ok(Self { repository: repository.to_owned(), digest })
    }

    /// The repository, with its host.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The repository without its last component: what the images of one owner have in common.
    pub fn owner_namespace(&self) -> &str {
        self.repository.rsplit_once('/').map_or("", |(namespace, _)| namespace)
    }

    /// The digest of the manifest.
    pub const fn digest(&self) -> Digest {
        self.digest
    }
}

/// True for `[host[:port]/]name[/name…]` (OCI distribution specification, "Pulling manifests", preceded by a
/// host as clients of registries write it).
fn is_repository(text: &str) -> bool {
    let is_component = |part: &str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        part.bytes().next().is_some_and(plain)
            && part.bytes().next_back().is_some_and(plain)
            && part.bytes().all(|byte| plain(byte) || matches!(byte, b'.' | b'_' | b'-'))
    };
    let is_host = |part: &str| {
        let plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
        let begins = |first: char| first.is_ascii_alphanumeric() || first == '[';
        part.starts_with(begins) && part.bytes().all(plain)
    };
    let mut parts = text.split('/');
    let first = parts.next().unwrap_or_default();
    text.len() <= MAX_REPOSITORY_BYTES
        && (is_component(first) || text.contains('/') && is_host(first))
        && parts.all(is_component)
}

impl FromStr for ImageReference {
    type Err = Error;

    /// Parses `repository@sha256:…`. Drops a tag before the digest, since the digest alone identifies the
    /// image.
    fn from_str(text: &str) -> Result<Self> {
        let (name, digest) = text.split_once('@').ok_or_else(|| {
            Error::invalid(
                "image-reference",
                format!("image reference has no digest: {text:.200?}; expected REPOSITORY@sha256:DIGITS"),
            )
            .help("append the digest of the image's manifest")
        })?;
        let tag = name.rfind(':').filter(|colon| name[*colon..].bytes().all(|byte| byte != b'/'));
        Self::new(tag.map_or(name, |colon| &name[..colon]), digest.parse()?)
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.repository, self.digest)
    }
}

impl fmt::Debug for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

hearth_base::as_text!(ImageReference);

impl Compression {
    /// Derives the compression from a layer's media type (OCI image specification, `layer.md`, "Distributable
    /// Format").
    pub fn from_media_type(media_type: &str) -> Result<Self> {
        match media_type.rsplit(['.', '+']).next() {
            Some("tar") => Ok(Self::None),
            Some("gzip") => Ok(Self::Gzip),
            Some("zstd") => Ok(Self::Zstd),
            _ => Err(Error::invalid(
                "layer-type",
                format!("unsupported layer media type: {media_type:.80?}; allowed: tar, gzip, zstd"),
            )
            .help("build the image with gzip or zstd layers")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE_DIGEST: &str = "sha256:0707070707070707070707070707070707070707070707070707070707070707";

    #[test]
    fn a_reference_reads_back_without_its_tag() {
        for (text, repository) in [
            ("hearth.example/hearth/python3.11", "hearth.example/hearth/python3.11"),
            ("hearth.example:8443/tool-x/app:latest", "hearth.example:8443/tool-x/app"),
            ("[::1]:8443/tool-x/app:1", "[::1]:8443/tool-x/app"),
            ("app", "app"),
            ("python:3.11", "python"),
        ] {
            let reference: ImageReference = format!("{text}@{EXAMPLE_DIGEST}").parse().unwrap();
            assert_eq!(reference.repository(), repository);
            assert_eq!(reference.to_string(), format!("{repository}@{EXAMPLE_DIGEST}"));
            assert_eq!(
                reference.owner_namespace(),
                repository.rsplit_once('/').map_or("", |(first, _)| first)
            );
            assert_eq!(reference.to_string().parse::<ImageReference>().unwrap(), reference);
        }
    }

    #[test]
    fn a_reference_that_is_an_option_a_path_or_a_tag_is_refused() {
        for name in ["", "/a", "a/", "a//b", "../a", "a/../b", "-x", "-x/a", "A", "h/B", "a b", "a\0", "h/-a"]
        {
            assert!(format!("{name}@{EXAMPLE_DIGEST}").parse::<ImageReference>().is_err(), "{name:?}");
        }
        assert!(format!("{}@{EXAMPLE_DIGEST}", "a".repeat(256)).parse::<ImageReference>().is_err());
        assert!("h/a:latest".parse::<ImageReference>().is_err());
        assert!("h/a@sha256:07".parse::<ImageReference>().is_err());
    }

    #[test]
    fn media_type_gives_the_compression_of_a_layer() {
        let parse = |text: &str| Compression::from_media_type(text).ok();
        assert_eq!(parse("application/vnd.oci.image.layer.v1.tar"), Some(Compression::None));
        assert_eq!(parse("application/vnd.oci.image.layer.v1.tar+zstd"), Some(Compression::Zstd));
        assert_eq!(parse("application/vnd.docker.image.rootfs.diff.tar.gzip"), Some(Compression::Gzip));
        assert_eq!(parse("application/octet-stream"), None);
    }
}
