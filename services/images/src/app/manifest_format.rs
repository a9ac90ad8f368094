//! Parser of image manifests: OCI (image specification, `manifest.md`, `image-index.md`) and Docker version
//! 2.

use hearth_base::{Digest, Error, Result};
use oci_spec::image::{Descriptor, ImageIndex, ImageManifest};
use serde_json::Value;

pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// A parsed manifest.
#[derive(Debug)]
pub enum ParsedManifest {
    /// One image.
    Image(Box<ImageManifest>),
    /// Images for several platforms.
    Index(Box<ImageIndex>),
}

impl ParsedManifest {
    /// Lists the blobs that the manifest refers to: configuration and layers.
    pub fn list_blob_digests(&self) -> Result<Vec<Digest>> {
        match self {
            Self::Image(image) => {
                std::iter::once(image.config()).chain(image.layers()).map(parse_descriptor_digest).collect()
            }
            Self::Index(_) => Ok(Vec::new()),
        }
    }

    /// Lists the manifests that an index refers to.
    pub fn list_manifest_digests(&self) -> Result<Vec<Digest>> {
        match self {
            Self::Image(_) => Ok(Vec::new()),
            Self::Index(index) => index.manifests().iter().map(parse_descriptor_digest).collect(),
        }
    }
}

/// Parses the digest of a descriptor.
pub fn parse_descriptor_digest(descriptor: &Descriptor) -> Result<Digest> {
    descriptor.digest().as_ref().parse()
}

/// Parses a manifest. `declared` is the media type of the request, where it has one. Returns the media type
/// to store with the parsed manifest.
pub fn parse_manifest(declared: Option<&str>, content: &[u8]) -> Result<(String, ParsedManifest)> {
    let document: Value = serde_json::from_slice(content).map_err(build_json_error)?;
    let inner = document.get("mediaType").and_then(Value::as_str);
    let declared = declared
        .map(|declared| declared.split(';').next().unwrap_or(declared).trim())
        .filter(|declared| !declared.is_empty());
    let media_type = match (declared, inner) {
        (Some(declared), Some(inner)) if declared != inner => {
            return Err(build_manifest_error("its media type differs from that of the request"));
        }
        (Some(media_type), _) | (None, Some(media_type)) => media_type,
        (None, None) => return Err(build_manifest_error("it has no media type")),
    };
    let parsed = match media_type {
        OCI_MANIFEST | DOCKER_MANIFEST => {
            ParsedManifest::Image(Box::new(serde_json::from_slice(content).map_err(build_json_error)?))
        }
        OCI_INDEX | DOCKER_LIST => {
            ParsedManifest::Index(Box::new(serde_json::from_slice(content).map_err(build_json_error)?))
        }
        _ => return Err(build_manifest_error("its media type is not supported")),
    };
    // A document of both kinds would mean one thing to this registry and another to a client with another
    // parser.
    let both = document.get("manifests").is_some() && document.get("layers").is_some();
    let version = document.get("schemaVersion").and_then(Value::as_u64);
    if both || version != Some(2) {
        return Err(build_manifest_error("it is neither an image nor an index of version 2"));
    }
    Ok((media_type.to_owned(), parsed))
}

fn build_manifest_error(why: &str) -> Error {
    Error::invalid("manifest-invalid", format!("the manifest is invalid: {why}"))
        .help("push an OCI image, or a Docker image of schema version 2")
}

fn build_json_error(cause: serde_json::Error) -> Error {
    build_manifest_error("it is not a document of its media type").with_cause(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO_DIGEST: &str = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    fn build_image_manifest(media_type: &str) -> String {
        format!(
            r#"{{"schemaVersion": 2, "mediaType": "{media_type}",
                "config": {{"mediaType": "application/vnd.oci.image.config.v1+json", "size": 5, "digest": "{HELLO_DIGEST}"}},
                "layers": [{{"mediaType": "application/vnd.oci.image.layer.v1.tar", "size": 5, "digest": "{HELLO_DIGEST}"}}]}}"#
        )
    }

    #[test]
    fn oci_and_docker_manifests_list_their_blobs() -> Result<()> {
        for media_type in [OCI_MANIFEST, DOCKER_MANIFEST] {
            let (kept, parsed) = parse_manifest(None, build_image_manifest(media_type).as_bytes())?;
            assert_eq!(kept, media_type);
            assert_eq!(parsed.list_blob_digests()?, [HELLO_DIGEST.parse()?, HELLO_DIGEST.parse()?]);
        }
        Ok(())
    }

    #[test]
    fn manifest_of_another_media_type_than_declared_is_refused() {
        let of = |declared: Option<&str>, content: &str| {
            parse_manifest(declared, content.as_bytes()).map(|(kept, _)| kept)
        };
        assert!(of(Some(OCI_INDEX), &build_image_manifest(OCI_MANIFEST)).is_err());
        assert!(of(Some("text/html"), "{}").is_err());
        assert!(of(Some(OCI_MANIFEST), "{}").is_err());
        assert!(of(Some(OCI_MANIFEST), "not json").is_err());
        assert!(of(None, r#"{"schemaVersion": 1, "fsLayers": []}"#).is_err());
        let both = build_image_manifest(OCI_MANIFEST).replacen('{', r#"{"manifests": [], "#, 1);
        assert!(of(None, &both).is_err());
        assert!(
            of(None, &build_image_manifest(OCI_MANIFEST).replace("2cf24", "../..")).and(Ok(())).is_err()
                || parse_manifest(
                    None,
                    build_image_manifest(OCI_MANIFEST).replace("2cf24", "../..").as_bytes()
                )
                .is_ok_and(|(_, parsed)| parsed.list_blob_digests().is_err())
        );
    }
}
