//! Artifacts that other services attach to the images of tools.

use bytes::Bytes;
use futures::{StreamExt, stream};
use hearth_base::{Digest, Error, ErrorKind, Result};
use hearth_wire::images::internal::ArtifactAttach;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{manifest_format::OCI_MANIFEST, manifests, uploads};
use crate::{
    context::ImagesContext,
    names::{ImageName, ManifestReference, RepositoryOwner},
};

/// Media type of an artifact's configuration, which is empty (image specification, "Guidelines for Artifact Usage").
const EMPTY_MEDIA_TYPE: &str = "application/vnd.oci.empty.v1+json";
const EMPTY_CONTENT: &[u8] = b"{}";

/// Attaches a document to an image of a tool. Counts for the tool's quota. May be repeated: the same document is
/// attached once.
pub async fn attach_artifact(cx: &ImagesContext, attach: ArtifactAttach) -> Result<Digest> {
    let ArtifactAttach { tool, image, subject, artifact_type, content } = attach;
    let unknown = || {
        let what = format!("the tool has no image {image} with the digest {subject}");
        Error::new(ErrorKind::NotFound, "manifest-unknown", what)
    };
    let repository = cx.store.find_repository(&tool.to_string(), &image).await?.ok_or_else(unknown)?;
    let described = cx.store.find_manifest(repository.id, subject).await?.ok_or_else(unknown)?;
    let owner = RepositoryOwner::Tool(tool, repository.tool_name.parse()?);
    let config = store_blob(cx, &owner, &image, EMPTY_CONTENT.into()).await?;
    let size = content.len();
    let layer = store_blob(cx, &owner, &image, content.into()).await?;
    let manifest = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": artifact_type,
        "config": {"mediaType": EMPTY_MEDIA_TYPE, "digest": config, "size": EMPTY_CONTENT.len()},
        "layers": [{"mediaType": artifact_type, "digest": layer, "size": size}],
        "subject": {"mediaType": described.media_type, "digest": subject, "size": described.content.len()},
    });
    let manifest = manifest.to_string();
    let reference = ManifestReference::Digest(Digest::new(Sha256::digest(&manifest).into()));
    let pushed =
        manifests::push_manifest(cx, &owner, &image, &reference, Some(OCI_MANIFEST), manifest.as_bytes());
    Ok(pushed.await?.digest)
}

/// Stores a blob in a repository of `owner`.
async fn store_blob(
    cx: &ImagesContext,
    owner: &RepositoryOwner,
    image: &ImageName,
    content: Bytes,
) -> Result<Digest> {
    let digest = Digest::new(Sha256::digest(&content).into());
    let upload = uploads::begin_upload(cx, owner, image).await?;
    let upload =
        uploads::append_content(cx, owner, upload, None, stream::iter([Ok(content)]).boxed()).await?;
    uploads::finish_upload(cx, owner, upload, digest).await?;
    Ok(digest)
}
