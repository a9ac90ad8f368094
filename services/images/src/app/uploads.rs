//! Blob uploads (OCI distribution specification, "Pushing blobs").
//!
//! The content of each request is stored as a separate part, which counts once its row is committed. Two
//! requests at the same time compete for the upload's size in its row: only the first matches.

use bytes::Bytes;
use futures::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use hearth_base::{Digest, Error, ErrorKind, Result, UploadId};
use hearth_kit::blobs::{BoxError, WrittenBlob, build_too_large_error};

use super::garbage_collection;
use crate::{
    context::ImagesContext,
    names::{ImageName, RepositoryOwner},
    store::{BlobContent, Repository, Upload, UploadPart},
};

/// Stream of uploaded content.
pub type BlobStream = BoxStream<'static, Result<Bytes, BoxError>>;

/// Creates an upload.
pub async fn begin_upload(cx: &ImagesContext, owner: &RepositoryOwner, name: &ImageName) -> Result<Upload> {
    let now = cx.now();
    let tx = cx.store.begin().await?;
    let repository = cx.store.lock_or_create_repository(&tx, cx.generate_id(), owner, name, now).await?;
    let upload = Upload { id: cx.generate_id(), repository: repository.id, size: 0 };
    cx.store.insert_upload(&tx, upload, now).await?;
    tx.commit().await?;
    Ok(upload)
}

/// Links a blob of the repository `from`, which the caller may read. `None` when `from` is absent or lacks
/// the blob.
pub async fn mount_blob(
    cx: &ImagesContext,
    owner: &RepositoryOwner,
    name: &ImageName,
    digest: Digest,
    from: Option<&Repository>,
) -> Result<Option<()>> {
    let Some(from) = from else { return Ok(None) };
    if cx.store.find_link(from.id, digest).await?.is_none() {
        return Ok(None);
    }
    Ok(link_existing_blob(cx, owner, name, digest).await?.then_some(()))
}

/// Links a blob that any repository has. Only for callers that could upload the content themselves. False
/// when the registry does not have the blob.
pub async fn link_existing_blob(
    cx: &ImagesContext,
    owner: &RepositoryOwner,
    name: &ImageName,
    digest: Digest,
) -> Result<bool> {
    let now = cx.now();
    let tx = cx.store.begin().await?;
    let repository = cx.store.lock_or_create_repository(&tx, cx.generate_id(), owner, name, now).await?;
    let linked = cx.store.link_existing(&tx, repository.id, digest, now).await?;
    tx.commit().await?;
    Ok(linked)
}

/// Finds an active upload.
pub async fn find_upload(
    cx: &ImagesContext,
    owner: &RepositoryOwner,
    name: &ImageName,
    id: UploadId,
) -> Result<Upload> {
    let upload = match cx.store.find_repository(&owner.owner_key(), name).await? {
        Some(repository) => cx.store.find_upload(repository.id, id).await?,
        None => None,
    };
    upload.ok_or_else(|| {
        Error::new(
            ErrorKind::NotFound,
            "blob-upload-unknown",
            "the upload does not exist or has been cancelled",
        )
        .help("begin a new upload")
    })
}

/// Appends content to an upload. `at` is the offset that the client declares; another offset than the
/// upload's size is refused.
pub async fn append_content(
    cx: &ImagesContext,
    upload: Upload,
    at: Option<u64>,
    content: BlobStream,
) -> Result<Upload> {
    if at.is_some_and(|at| at != upload.size) {
        return Err(build_order_error(&upload));
    }
    let mut content = Box::pin(content.peekable());
    // The last request of an upload is often empty.
    if content.as_mut().peek().await.is_none() {
        return Ok(upload);
    }
    let blob = cx.generate_id();
    let remaining = cx.settings.blob_limit.saturating_sub(upload.size);
    let written = cx.blobs.write(blob, content, remaining).await.map_err(|error| match error.code() {
        "content-too-large" if remaining < cx.settings.blob_limit => {
            build_too_large_error(cx.settings.blob_limit)
        }
        _ => error,
    })?;
    let WrittenBlob { digest, size } = written;
    let now = cx.now();
    let tx = cx.store.begin().await?;
    let added = cx.store.append_part(&tx, &upload, UploadPart { blob, size, digest }, now).await?;
    if !added {
        cx.store.add_garbage(&tx, blob).await?;
    }
    tx.commit().await?;
    if added { Ok(Upload { size: upload.size + size, ..upload }) } else { Err(build_order_error(&upload)) }
}

/// Finishes an upload: links the blob if its content has the digest `digest`, and marks the rest as garbage.
pub async fn finish_upload(cx: &ImagesContext, upload: Upload, digest: Digest) -> Result<()> {
    let parts = cx.store.list_parts(upload.id).await?;
    let (blob, written) = match parts[..] {
        [UploadPart { blob, size, digest }] => (blob, WrittenBlob { digest, size }),
        _ => join_parts(cx, parts).await?,
    };
    let now = cx.now();
    let tx = cx.store.begin().await?;
    let repository = cx.store.lock_repository(&tx, upload.repository).await?;
    let digest_matches = written.digest == digest;
    let ended =
        repository.is_some() && cx.store.end_upload(&tx, &upload, digest_matches.then_some(blob)).await?;
    if ended && digest_matches {
        let content = BlobContent { digest, blob, size: written.size };
        cx.store.link_new_content(&tx, upload.repository, content, now).await?;
    } else {
        cx.store.add_garbage(&tx, blob).await?;
    }
    tx.commit().await?;
    garbage_collection::delete_garbage_or_log(cx).await;
    match (ended, digest_matches) {
        (false, _) => Err(build_order_error(&upload)),
        (true, false) => Err(Error::invalid(
            "digest-invalid",
            format!("the digest of the upload is wrong: {}; expected {digest}", written.digest),
        )
        .help("send it again")),
        (true, true) => Ok(()),
    }
}

/// Cancels an upload.
pub async fn cancel_upload(cx: &ImagesContext, upload: Upload) -> Result<()> {
    let tx = cx.store.begin().await?;
    cx.store.end_upload(&tx, &upload, None).await?;
    tx.commit().await?;
    garbage_collection::delete_garbage_or_log(cx).await;
    Ok(())
}

/// Concatenates parts into one blob; no parts make an empty blob.
async fn join_parts(
    cx: &ImagesContext,
    parts: Vec<UploadPart>,
) -> Result<(hearth_base::BlobId, WrittenBlob)> {
    let blob = cx.generate_id();
    let blobs = cx.blobs.clone();
    let content = stream::iter(parts)
        .then(move |part| {
            let blobs = blobs.clone();
            async move {
                let content = blobs.read(part.blob, None).await?;
                content.ok_or_else(|| Error::internal(format!("the content {} is missing", part.blob)))
            }
        })
        .try_flatten()
        .boxed();
    let written = cx.blobs.write(blob, content, cx.settings.blob_limit).await?;
    Ok((blob, written))
}

fn build_order_error(upload: &Upload) -> Error {
    let size = upload.size;
    Error::new(
        ErrorKind::Range,
        "blob-upload-invalid",
        format!("the content does not continue the upload, which has {size} bytes"),
    )
    .help("get the upload's state, and continue from there")
}
