//! Reading manifests: OCI's (image specification, `manifest.md`, `image-index.md`) and Docker's of version 2.

use hearth_base::{Digest, Error, Result};
use oci_spec::image::{Descriptor, ImageIndex, ImageManifest};
use serde_json::Value;

pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// A manifest, understood.
#[derive(Debug)]
pub enum Parsed {
    /// One image.
    Image(Box<ImageManifest>),
    /// Images for several kinds of machine.
    Index(Box<ImageIndex>),
}

impl Parsed {
    /// The blobs it needs.
    pub fn blobs(&self) -> Result<Vec<Digest>> {
        match self {
            Self::Image(image) => std::iter::once(image.config()).chain(image.layers()).map(digest).collect(),
            Self::Index(_) => Ok(Vec::new()),
        }
    }

    /// The manifests it needs.
    pub fn manifests(&self) -> Result<Vec<Digest>> {
        match self {
            Self::Image(_) => Ok(Vec::new()),
            Self::Index(index) => index.manifests().iter().map(digest).collect(),
        }
    }
}

/// The digest in a descriptor.
pub fn digest(descriptor: &Descriptor) -> Result<Digest> {
    descriptor.digest().as_ref().parse()
}

/// Understands a manifest. `told` is its media type as the request has it, when it has one; the media type that it
/// is kept with is given back too.
pub fn parse(told: Option<&str>, content: &[u8]) -> Result<(String, Parsed)> {
    let document: Value = serde_json::from_slice(content).map_err(invalid)?;
    let inner = document.get("mediaType").and_then(Value::as_str);
    let told = told.map(|told| told.split(';').next().unwrap_or(told).trim()).filter(|told| !told.is_empty());
    let media_type = match (told, inner) {
        (Some(told), Some(inner)) if told != inner => {
            return Err(refused("it is sent as another media type than it says it is"));
        }
        (Some(media_type), _) | (None, Some(media_type)) => media_type,
        (None, None) => return Err(refused("its media type is not told")),
    };
    let parsed = match media_type {
        OCI_MANIFEST | DOCKER_MANIFEST => {
            Parsed::Image(Box::new(serde_json::from_slice(content).map_err(invalid)?))
        }
        OCI_INDEX | DOCKER_LIST => Parsed::Index(Box::new(serde_json::from_slice(content).map_err(invalid)?)),
        _ => return Err(refused("its media type is none of those kept here")),
    };
    // Both kinds at once would be one thing to this registry and another to a client that reads it otherwise.
    let both = document.get("manifests").is_some() && document.get("layers").is_some();
    let version = document.get("schemaVersion").and_then(Value::as_u64);
    if both || version != Some(2) {
        return Err(refused("it is neither an image nor an index of version 2"));
    }
    Ok((media_type.to_owned(), parsed))
}

fn refused(why: &str) -> Error {
    Error::invalid("manifest-invalid", format!("the manifest cannot be taken: {why}"))
        .help("push OCI images, or Docker's of schema version 2")
}

fn invalid(cause: serde_json::Error) -> Error {
    refused("it is no document of that media type").because(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &str = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    fn image(media_type: &str) -> String {
        format!(
            r#"{{"schemaVersion": 2, "mediaType": "{media_type}",
                "config": {{"mediaType": "application/vnd.oci.image.config.v1+json", "size": 5, "digest": "{HELLO}"}},
                "layers": [{{"mediaType": "application/vnd.oci.image.layer.v1.tar", "size": 5, "digest": "{HELLO}"}}]}}"#
        )
    }

    #[test]
    fn both_kinds_of_image_name_their_blobs() -> Result<()> {
        for media_type in [OCI_MANIFEST, DOCKER_MANIFEST] {
            let (kept, parsed) = parse(None, image(media_type).as_bytes())?;
            assert_eq!(kept, media_type);
            assert_eq!(parsed.blobs()?, [HELLO.parse()?, HELLO.parse()?]);
        }
        Ok(())
    }

    #[test]
    fn what_is_not_what_it_says_is_refused() {
        let of = |told: Option<&str>, content: &str| parse(told, content.as_bytes()).map(|(kept, _)| kept);
        assert!(of(Some(OCI_INDEX), &image(OCI_MANIFEST)).is_err());
        assert!(of(Some("text/html"), "{}").is_err());
        assert!(of(Some(OCI_MANIFEST), "{}").is_err());
        assert!(of(Some(OCI_MANIFEST), "not json").is_err());
        assert!(of(None, r#"{"schemaVersion": 1, "fsLayers": []}"#).is_err());
        let both = image(OCI_MANIFEST).replacen('{', r#"{"manifests": [], "#, 1);
        assert!(of(None, &both).is_err());
        assert!(
            of(None, &image(OCI_MANIFEST).replace("2cf24", "../..")).and(Ok(())).is_err()
                || parse(None, image(OCI_MANIFEST).replace("2cf24", "../..").as_bytes())
                    .is_ok_and(|(_, parsed)| parsed.blobs().is_err())
        );
    }
}
