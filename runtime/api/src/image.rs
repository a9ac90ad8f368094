//! Images and their layers, known by digest. The caller reads the manifest; the runtime keeps the layers.

use std::{fmt, str::FromStr};

use hearth_base::{Digest, Error, Result, Secret};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncRead;

/// A stream of bytes that somebody else brings.
pub type Bytes<'a> = Box<dyn AsyncRead + Send + Unpin + 'a>;

/// The longest name of a repository, its host included (OCI distribution specification, "Pulling manifests").
const MAX_REPOSITORY_BYTES: usize = 255;

/// An image, for ever the same: `repository@sha256:…`. The digest is that of the image's manifest.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageReference {
    repository: String,
    digest: Digest,
}

/// The way in which a runtime gets an image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "kebab-case")]
pub enum ImageSource {
    /// The caller brings its layers: [`crate::Runtime::ensure_image`], then [`crate::Runtime::add_layer`].
    #[default]
    Delivered,
    /// The runtime pulls it from the registry that the reference names.
    Registry {
        /// The sign-in that the registry asks for, if it does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        credential: Option<RegistryCredential>,
    },
}

/// A sign-in to a registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryCredential {
    /// The user's name there.
    pub username: String,
    /// The password or token.
    #[serde(serialize_with = "Secret::expose")]
    pub password: Secret,
}

/// An image with its layers, as its manifest lists them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The image.
    pub reference: ImageReference,
    /// Its layers, the lowest first.
    pub layers: Vec<LayerDescriptor>,
}

/// A layer as a manifest describes it (OCI image specification, `descriptor.md`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerDescriptor {
    /// The SHA-256 of the layer's bytes, as a registry stores them. The layer is known by it.
    pub digest: Digest,
    /// The number of these bytes.
    pub size: u64,
    /// The compression of these bytes.
    pub compression: Compression,
    /// The SHA-256 of the archive that they unpack to (`config.md`, "Layer DiffID"), where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff_id: Option<Digest>,
}

impl LayerDescriptor {
    /// A layer as a manifest lists it; one of a media type that cannot be unpacked is refused (`layer-type`).
    pub fn from_manifest(
        digest: Digest,
        size: u64,
        media_type: &str,
        diff_id: Option<Digest>,
    ) -> Result<Self> {
        Ok(Self { digest, size, compression: Compression::from_media_type(media_type)?, diff_id })
    }
}

/// The compression of a layer's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compression {
    /// A plain archive.
    None,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl ImageReference {
    /// The image with this manifest in this repository.
    pub fn new(repository: &str, digest: Digest) -> Result<Self> {
        if !is_repository(repository) {
            return Err(Error::invalid("image-reference", format!("{repository:.200?} names no repository"))
                .help("write it as HOST/NAME in lower case"));
        }
        Ok(Self { repository: repository.to_owned(), digest })
    }

    /// The repository that it is pulled from.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The digest of its manifest.
    pub const fn digest(&self) -> Digest {
        self.digest
    }
}

/// `[host[:port]/]name[/name…]` (OCI distribution specification, "Pulling manifests"; the host as registries' clients
/// write it before the name).
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

    /// Reads `repository@sha256:…`. A tag in front of the digest is dropped: the digest alone says which image.
    fn from_str(text: &str) -> Result<Self> {
        let (name, digest) = text.split_once('@').ok_or_else(|| {
            Error::invalid("image-reference", format!("{text:.200?} names an image without its digest"))
                .help("write it as REPOSITORY@sha256:DIGITS")
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
    /// The compression of layers of this media type (OCI image specification, `layer.md`, "Distributable Format").
    pub fn from_media_type(media_type: &str) -> Result<Self> {
        match media_type.rsplit(['.', '+']).next() {
            Some("tar") => Ok(Self::None),
            Some("gzip") => Ok(Self::Gzip),
            Some("zstd") => Ok(Self::Zstd),
            _ => Err(Error::invalid(
                "layer-type",
                format!("layers of the type {media_type:.80?} cannot be unpacked"),
            )
            .help("build the image with gzip or zstd layers")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:0707070707070707070707070707070707070707070707070707070707070707";

    #[test]
    fn a_reference_reads_back_without_its_tag() {
        for (text, repository) in [
            ("hearth.example/hearth/python3.11", "hearth.example/hearth/python3.11"),
            ("hearth.example:8443/tool-x/app:latest", "hearth.example:8443/tool-x/app"),
            ("[::1]:8443/tool-x/app:1", "[::1]:8443/tool-x/app"),
            ("app", "app"),
            ("python:3.11", "python"),
        ] {
            let reference: ImageReference = format!("{text}@{DIGEST}").parse().unwrap();
            assert_eq!(reference.repository(), repository);
            assert_eq!(reference.to_string(), format!("{repository}@{DIGEST}"));
            assert_eq!(reference.to_string().parse::<ImageReference>().unwrap(), reference);
        }
    }

    #[test]
    fn a_reference_that_is_an_option_a_path_or_a_tag_is_refused() {
        for name in ["", "/a", "a/", "a//b", "../a", "a/../b", "-x", "-x/a", "A", "h/B", "a b", "a\0", "h/-a"]
        {
            assert!(format!("{name}@{DIGEST}").parse::<ImageReference>().is_err(), "{name:?}");
        }
        assert!(format!("{}@{DIGEST}", "a".repeat(256)).parse::<ImageReference>().is_err());
        assert!("h/a:latest".parse::<ImageReference>().is_err());
        assert!("h/a@sha256:07".parse::<ImageReference>().is_err());
    }

    #[test]
    fn a_media_type_says_how_a_layer_is_compressed() {
        let of = |text: &str| Compression::from_media_type(text).ok();
        assert_eq!(of("application/vnd.oci.image.layer.v1.tar"), Some(Compression::None));
        assert_eq!(of("application/vnd.oci.image.layer.v1.tar+zstd"), Some(Compression::Zstd));
        assert_eq!(of("application/vnd.docker.image.rootfs.diff.tar.gzip"), Some(Compression::Gzip));
        assert_eq!(of("application/octet-stream"), None);
    }
}
