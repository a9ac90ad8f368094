//! Import of an OCI image layout from a folder (OCI image specification, `image-layout.md`), as `hearthd
//! image bootstrap` makes it.

use std::path::Path;

use bytes::Bytes;
use futures::{StreamExt, stream};
use hearth_base::{Digest, Error, Result};
use hearth_kit::blobs::BoxError;
use serde_json::Value;
use tokio::{fs, io::AsyncReadExt};

use super::{incoming::BlobStream, manifest_format, manifests, uploads};
use crate::{
    context::ImagesContext,
    names::{ImageName, ManifestReference, RepositoryOwner},
};

/// Imports the first image of the layout in `folder` as a provided image. Blobs that the registry has already
/// are not read again.
pub async fn import_layout(
    cx: &ImagesContext,
    folder: &Path,
    name: &ImageName,
    tag: &ManifestReference,
) -> Result<Digest> {
    let index: Value = serde_json::from_slice(&read_file(&folder.join("index.json")).await?)
        .map_err(|cause| build_layout_error(folder).with_cause(cause))?;
    let digest = index
        .pointer("/manifests/0/digest")
        .and_then(Value::as_str)
        .ok_or_else(|| build_layout_error(folder))?;
    let blob_path = |digest: Digest| folder.join("blobs/sha256").join(digest.to_hex());
    let manifest = read_file(&blob_path(digest.parse()?)).await?;
    let (media_type, parsed) = manifest_format::parse_manifest(None, &manifest)?;
    let owner = RepositoryOwner::Provided;
    for blob in parsed.list_blob_digests()? {
        if uploads::link_existing_blob(cx, &owner, name, blob).await? {
            continue;
        }
        let upload = uploads::begin_upload(cx, &owner, name).await?;
        let file = fs::File::open(blob_path(blob))
            .await
            .map_err(|cause| build_layout_error(folder).with_cause(cause))?;
        let upload = uploads::append_content(cx, &owner, upload, None, stream_file(file)).await?;
        uploads::finish_upload(cx, &owner, upload, blob).await?;
    }
    let pushed = manifests::push_manifest(cx, &owner, name, tag, Some(&media_type), &manifest).await?;
    Ok(pushed.digest)
}

fn stream_file(file: fs::File) -> BlobStream {
    let pieces = stream::try_unfold(file, async |mut file| {
        let mut piece = Vec::with_capacity(1 << 18);
        let read = (&mut file).take(1 << 18).read_to_end(&mut piece).await?;
        Ok::<_, BoxError>((read > 0).then(|| (Bytes::from(piece), file)))
    });
    pieces.boxed()
}

async fn read_file(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).await.map_err(|cause| build_layout_error(path).with_cause(cause))
}

fn build_layout_error(path: &Path) -> Error {
    Error::invalid("image-layout", format!("{} is not a readable OCI image layout", path.display()))
        .help("give a folder that is an OCI image layout")
}
