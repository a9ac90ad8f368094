//! Parser of image manifests: OCI (image specification, `manifest.md`, `image-index.md`) and Docker version
//! 2.

use hearth_base::{Digest, Error, Result};
use oci_spec::image::{Descriptor, ImageIndex, ImageManifest};
use serde::{Deserialize, de::IgnoredAny};

pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// Beginnings of the media types of layers that clients download from elsewhere.
const NON_DISTRIBUTABLE_PREFIXES: [&str; 2] =
    ["application/vnd.oci.image.layer.nondistributable.", "application/vnd.docker.image.rootfs.foreign."];
/// Maximum number of layers of an image: that of the runtime, and of Docker.
const MAX_LAYERS: usize = 128;
/// Maximum number of manifests in an index.
const MAX_INDEX_ENTRIES: usize = 256;

/// Blob that a manifest refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobDescriptor {
    pub digest: Digest,
    pub size: u64,
    /// False for a non-distributable layer, whose content the registry need not have.
    pub is_required: bool,
}

/// Fields that decide what kind of document a manifest is. Others are skipped without storing them, because a
/// document of a few MiB may have millions of values.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ManifestHeader {
    schema_version: Option<u64>,
    media_type: Option<String>,
    manifests: Option<IgnoredAny>,
    layers: Option<IgnoredAny>,
}

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
    pub fn list_blobs(&self) -> Result<Vec<BlobDescriptor>> {
        let parse = |descriptor: &Descriptor| {
            Ok(BlobDescriptor {
                digest: parse_descriptor_digest(descriptor)?,
                size: descriptor.size(),
                is_required: !is_non_distributable(descriptor.media_type().as_ref()),
            })
        };
        match self {
            Self::Image(image) => std::iter::once(image.config()).chain(image.layers()).map(parse).collect(),
            Self::Index(_) => Ok(Vec::new()),
        }
    }

    /// Lists the digests of these blobs.
    pub fn list_blob_digests(&self) -> Result<Vec<Digest>> {
        Ok(self.list_blobs()?.into_iter().map(|blob| blob.digest).collect())
    }

    /// Lists the manifests that an index refers to.
    pub fn list_manifest_digests(&self) -> Result<Vec<Digest>> {
        match self {
            Self::Image(_) => Ok(Vec::new()),
            Self::Index(index) => index.manifests().iter().map(parse_descriptor_digest).collect(),
        }
    }
}

/// Returns true for the media type of a layer that clients download from elsewhere (image specification,
/// "Non-Distributable Layers"; Docker: "foreign").
pub fn is_non_distributable(media_type: &str) -> bool {
    NON_DISTRIBUTABLE_PREFIXES.iter().any(|prefix| media_type.starts_with(prefix))
}

/// Parses the digest of a descriptor.
pub fn parse_descriptor_digest(descriptor: &Descriptor) -> Result<Digest> {
    descriptor.digest().as_ref().parse()
}

/// Parses a manifest. `declared` is the media type of the request, where it has one. Returns the media type
/// to store with the parsed manifest.
pub fn parse_manifest(declared: Option<&str>, content: &[u8]) -> Result<(String, ParsedManifest)> {
    // The JSON library would read a list as well, as the fields in their order.
    if content.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(build_manifest_error("it is not a JSON object"));
    }
    let header: ManifestHeader = serde_json::from_slice(content).map_err(build_json_error)?;
    let inner = header.media_type.as_deref();
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
    let both = header.manifests.is_some() && header.layers.is_some();
    if both || header.schema_version != Some(2) {
        return Err(build_manifest_error("it is neither an image nor an index of version 2"));
    }
    let (what, count, most) = match &parsed {
        ParsedManifest::Image(image) => ("layers", image.layers().len(), MAX_LAYERS),
        ParsedManifest::Index(index) => ("manifests", index.manifests().len(), MAX_INDEX_ENTRIES),
    };
    if count > most {
        return Err(build_manifest_error(&format!("it has {count} {what}; at most {most}")));
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
    fn number_of_layers_and_of_index_entries_is_bounded() {
        let descriptor =
            format!(r#"{{"mediaType": "application/octet-stream", "size": 5, "digest": "{HELLO_DIGEST}"}}"#);
        let build = |media_type: &str, head: &str, count: usize| {
            let list = vec![descriptor.as_str(); count].join(",");
            format!(r#"{{"schemaVersion": 2, "mediaType": "{media_type}", {head} [{list}]}}"#)
        };
        let image = format!(r#""config": {descriptor}, "layers":"#);
        for (media_type, head, most) in
            [(OCI_MANIFEST, image.as_str(), 128), (OCI_INDEX, r#""manifests":"#, 256)]
        {
            assert!(parse_manifest(None, build(media_type, head, most).as_bytes()).is_ok(), "{media_type}");
            let refused = parse_manifest(None, build(media_type, head, most + 1).as_bytes());
            let refused = refused.err().map(|error| error.public_message().to_owned()).unwrap_or_default();
            assert!(refused.contains(&format!("at most {most}")), "{refused}");
        }
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
        let list = format!(r#" [2, "{OCI_INDEX}", [], null]"#);
        assert!(of(None, &list).is_err(), "a list of the fields is not a manifest");
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
