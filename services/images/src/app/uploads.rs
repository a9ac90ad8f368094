//! Blob uploads (OCI distribution specification, "Pushing blobs").
//!
//! The content of each request is stored as a separate part, which counts once its row is committed. Two
//! requests at the same time compete for the upload's size in its row: only the first matches.

use futures::{StreamExt, TryStreamExt, stream};
use hearth_base::{Digest, Error, ErrorKind, Result, UploadId};
use hearth_kit::blobs::{WrittenBlob, build_too_large_error};

use super::{
    garbage_collection,
    incoming::{BlobStream, IncomingContent, UploadBody, build_ended_error},
    quota::{self, OwnerQuota},
};
use crate::{
    context::ImagesContext,
    names::{ImageName, PROVIDED_OWNER, RepositoryOwner},
    store::{BlobContent, Repository, Upload, UploadPart},
};

/// Creates an upload.
pub async fn begin_upload(cx: &ImagesContext, owner: &RepositoryOwner, name: &ImageName) -> Result<Upload> {
    cx.blobs.check_free_space()?;
    let quota = quota::find_quota(cx, owner).await?;
    quota::make_room(cx, &quota).await;
    let now = cx.now();
    let tx = cx.store.begin().await?;
    let repository = cx.store.lock_or_create_repository(&tx, cx.generate_id(), owner, name, now).await?;
    let upload = Upload { id: cx.generate_id(), repository: repository.id, size: 0 };
    cx.store.insert_upload(&tx, upload, now).await?;
    quota.check_usage(cx, &tx).await?;
    tx.commit().await?;
    Ok(upload)
}

/// Place of a blob that is mounted instead of uploaded.
pub enum MountSource {
    /// A repository that the caller may read.
    Repository(Repository),
    /// Any repository of the same owner, or a provided one.
    Readable,
}

/// Links a blob of another repository. False when the source lacks the blob.
pub async fn mount_blob(
    cx: &ImagesContext,
    owner: &RepositoryOwner,
    name: &ImageName,
    digest: Digest,
    source: &MountSource,
) -> Result<bool> {
    let exists = match source {
        MountSource::Repository(from) => cx.store.find_link(from.id, digest).await?.is_some(),
        MountSource::Readable => {
            let owners = [owner.owner_key(), PROVIDED_OWNER.to_owned()];
            cx.store.find_owned_content(digest, &owners).await?.is_some()
        }
    };
    Ok(exists && link_existing_blob(cx, owner, name, digest).await?)
}

/// Links a blob that any repository has. Only for callers that could upload the content themselves. False
/// when the registry does not have the blob.
pub async fn link_existing_blob(
    cx: &ImagesContext,
    owner: &RepositoryOwner,
    name: &ImageName,
    digest: Digest,
) -> Result<bool> {
    let quota = quota::find_quota(cx, owner).await?;
    let now = cx.now();
    let tx = cx.store.begin().await?;
    let repository = cx.store.lock_or_create_repository(&tx, cx.generate_id(), owner, name, now).await?;
    let linked = cx.store.link_existing(&tx, repository.id, digest, now).await?;
    quota.check_usage(cx, &tx).await?;
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
    upload.ok_or_else(build_ended_error)
}

/// Appends content of unknown length to an upload; see [`append_body`].
pub async fn append_content(
    cx: &ImagesContext,
    owner: &RepositoryOwner,
    upload: Upload,
    at: Option<u64>,
    content: BlobStream,
) -> Result<Upload> {
    append_body(cx, owner, upload, at, UploadBody { content, length: None }).await
}

/// Appends a request's body to an upload. `at` is the offset that the client declares; another offset than the
/// upload's size is refused.
pub async fn append_body(
    cx: &ImagesContext,
    owner: &RepositoryOwner,
    upload: Upload,
    at: Option<u64>,
    UploadBody { content, length }: UploadBody,
) -> Result<Upload> {
    if at.is_some_and(|at| at != upload.size) {
        return Err(build_order_error(&upload));
    }
    let mut content = Box::pin(content.peekable());
    // The last request of an upload is often empty.
    if content.as_mut().peek().await.is_none() {
        return Ok(upload);
    }
    let limit = cx.settings.blob_limit;
    let remaining = limit.saturating_sub(upload.size);
    let expected = length.unwrap_or(0);
    if expected > remaining {
        return Err(build_too_large_error(limit));
    }
    let quota = quota::find_quota(cx, owner).await?;
    let incoming = IncomingContent::begin(cx, &quota, &upload, expected).await?;
    let content = incoming.count_content(expected, content.boxed());
    let written = cx.blobs.write(incoming.blob, content, remaining).await;
    let written = written.map_err(|error| match error.code() {
        "content-too-large" if remaining < limit => build_too_large_error(limit),
        _ => error,
    });
    let appended = match written {
        Ok(written) => append_part(cx, &quota, &upload, &incoming, written).await,
        Err(error) => Err(error),
    };
    match appended {
        Ok(longer) => {
            incoming.mark_settled();
            Ok(longer)
        }
        Err(error) => {
            incoming.delete_content().await;
            Err(error)
        }
    }
}

/// Makes received content a part of its upload.
async fn append_part(
    cx: &ImagesContext,
    quota: &OwnerQuota,
    upload: &Upload,
    incoming: &IncomingContent,
    WrittenBlob { digest, size }: WrittenBlob,
) -> Result<Upload> {
    let tx = cx.store.begin().await?;
    quota.lock_owner(&tx).await?;
    let part = UploadPart { blob: incoming.blob, size, digest };
    if !cx.store.append_part(&tx, upload, part, cx.now()).await? {
        return Err(build_order_error(upload));
    }
    cx.store.delete_incoming(&tx, incoming.blob).await?;
    quota.check_usage(cx, &tx).await?;
    tx.commit().await?;
    Ok(Upload { size: upload.size + size, ..*upload })
}

/// Finishes an upload: links the blob if its content has the digest `digest`, and marks the rest as garbage.
pub async fn finish_upload(
    cx: &ImagesContext,
    owner: &RepositoryOwner,
    upload: Upload,
    digest: Digest,
) -> Result<()> {
    let quota = quota::find_quota(cx, owner).await?;
    let parts = cx.store.list_parts(upload.id).await?;
    let finished = match parts[..] {
        [UploadPart { blob, size, digest: found }] => {
            let written = BlobContent { digest: found, blob, size };
            store_finished(cx, &quota, &upload, digest, written).await
        }
        _ => finish_joined(cx, &quota, &upload, digest, parts).await,
    };
    garbage_collection::delete_garbage_or_log(cx).await;
    finished
}

/// Joins the parts of an upload into one blob and finishes it. The copy counts for the quota until then.
async fn finish_joined(
    cx: &ImagesContext,
    quota: &OwnerQuota,
    upload: &Upload,
    digest: Digest,
    parts: Vec<UploadPart>,
) -> Result<()> {
    let incoming = IncomingContent::begin(cx, quota, upload, upload.size).await?;
    let content = incoming.count_content(upload.size, read_parts(cx, parts));
    let finished = match cx.blobs.write(incoming.blob, content, cx.settings.blob_limit).await {
        Ok(WrittenBlob { digest: found, size }) => {
            let written = BlobContent { digest: found, blob: incoming.blob, size };
            store_finished(cx, quota, upload, digest, written).await
        }
        Err(error) => Err(error),
    };
    match &finished {
        Ok(()) => incoming.mark_settled(),
        Err(_) => incoming.delete_content().await,
    }
    finished
}

/// Ends an upload, and links its content if it has the digest `digest`.
async fn store_finished(
    cx: &ImagesContext,
    quota: &OwnerQuota,
    upload: &Upload,
    digest: Digest,
    written: BlobContent,
) -> Result<()> {
    let now = cx.now();
    let tx = cx.store.begin().await?;
    quota.lock_owner(&tx).await?;
    let repository = cx.store.lock_repository(&tx, upload.repository).await?;
    let digest_matches = written.digest == digest;
    let keep = digest_matches.then_some(written.blob);
    if repository.is_none() || !cx.store.end_upload(&tx, upload, keep).await? {
        return Err(build_order_error(upload));
    }
    if digest_matches {
        cx.store.link_new_content(&tx, upload.repository, written, now).await?;
        quota.check_usage(cx, &tx).await?;
    }
    tx.commit().await?;
    match digest_matches {
        true => Ok(()),
        false => Err(Error::invalid(
            "digest-invalid",
            format!("the digest of the upload is wrong: {}; expected {digest}", written.digest),
        )
        .help("send it again")),
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

/// Reads parts one after the other.
fn read_parts(cx: &ImagesContext, parts: Vec<UploadPart>) -> BlobStream {
    let blobs = cx.blobs.clone();
    let content = stream::iter(parts).then(move |part| {
        let blobs = blobs.clone();
        async move {
            let content = blobs.read(part.blob, None).await?;
            content.ok_or_else(|| Error::internal(format!("the content {} is missing", part.blob)))
        }
    });
    content.try_flatten().map_err(Into::into).boxed()
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
