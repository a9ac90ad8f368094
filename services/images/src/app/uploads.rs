//! Blobs on their way in (OCI distribution specification, "Pushing blobs").
//!
//! Each request's content becomes a part of its own, which counts once its row is there; the upload's size in the
//! row is what two requests at the same time compete for.

use bytes::Bytes;
use futures::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use hearth_base::{Digest, Error, Kind, Result, UploadId};
use hearth_kit::blobs::{BoxError, Written, too_large};

use super::collect;
use crate::{
    cx::Cx,
    names::{ImageName, Space},
    store::{Content, Part, Repository, Upload},
};

/// Content on its way in.
pub type Incoming = BoxStream<'static, Result<Bytes, BoxError>>;

/// Begins an upload.
pub async fn begin(cx: &Cx, space: &Space, name: &ImageName) -> Result<Upload> {
    let now = cx.now();
    let tx = cx.store.begin().await?;
    let repository = cx.store.repository_for(&tx, cx.id(), space, name, now).await?;
    let upload = Upload { id: cx.id(), repository: repository.id, size: 0 };
    cx.store.upload_add(&tx, upload, now).await?;
    tx.commit().await?;
    Ok(upload)
}

/// Gives a repository a blob that another one has, if that one may be read; otherwise `None`.
pub async fn mount(
    cx: &Cx,
    space: &Space,
    name: &ImageName,
    digest: Digest,
    from: Option<&Repository>,
) -> Result<Option<()>> {
    let Some(from) = from else { return Ok(None) };
    if cx.store.link(from.id, digest).await?.is_none() {
        return Ok(None);
    }
    Ok(adopt(cx, space, name, digest).await?.then_some(()))
}

/// Gives a repository a blob that any other has, for somebody who could bring it too. Whether there is one.
pub async fn adopt(cx: &Cx, space: &Space, name: &ImageName, digest: Digest) -> Result<bool> {
    let now = cx.now();
    let tx = cx.store.begin().await?;
    let repository = cx.store.repository_for(&tx, cx.id(), space, name, now).await?;
    let linked = cx.store.link_known(&tx, repository.id, digest, now).await?;
    tx.commit().await?;
    Ok(linked)
}

/// An upload that is under way.
pub async fn find(cx: &Cx, space: &Space, name: &ImageName, id: UploadId) -> Result<Upload> {
    let upload = match cx.store.repository(&space.owner(), name).await? {
        Some(repository) => cx.store.upload(repository.id, id).await?,
        None => None,
    };
    upload.ok_or_else(|| {
        Error::new(Kind::NotFound, "blob-upload-unknown", "there is no such upload, or it was given up")
            .help("begin the upload anew")
    })
}

/// Adds content to an upload; `at` is where the client says that it goes on.
pub async fn append(cx: &Cx, upload: Upload, at: Option<u64>, content: Incoming) -> Result<Upload> {
    if at.is_some_and(|at| at != upload.size) {
        return Err(out_of_order(&upload));
    }
    let mut content = Box::pin(content.peekable());
    // A last request often has nothing more to bring.
    if content.as_mut().peek().await.is_none() {
        return Ok(upload);
    }
    let blob = cx.id();
    let left = cx.settings.blob_limit.saturating_sub(upload.size);
    let written = cx.blobs.write(blob, content, left).await.map_err(|error| match error.code() {
        "content-too-large" if left < cx.settings.blob_limit => too_large(cx.settings.blob_limit),
        _ => error,
    })?;
    let Written { digest, size } = written;
    let now = cx.now();
    let tx = cx.store.begin().await?;
    let added = cx.store.upload_append(&tx, &upload, Part { blob, size, digest }, now).await?;
    if !added {
        cx.store.discard(&tx, blob).await?;
    }
    tx.commit().await?;
    if added { Ok(Upload { size: upload.size + size, ..upload }) } else { Err(out_of_order(&upload)) }
}

/// Ends an upload: the blob is there if its content is what the client says it is.
pub async fn finish(cx: &Cx, upload: Upload, digest: Digest) -> Result<()> {
    let parts = cx.store.upload_parts(upload.id).await?;
    let (blob, written) = match parts[..] {
        [Part { blob, size, digest }] => (blob, Written { digest, size }),
        _ => join(cx, parts).await?,
    };
    let now = cx.now();
    let tx = cx.store.begin().await?;
    let repository = cx.store.repository_locked(&tx, upload.repository).await?;
    let good = written.digest == digest;
    let ended = repository.is_some() && cx.store.upload_end(&tx, &upload, good.then_some(blob)).await?;
    if ended && good {
        let content = Content { digest, blob, size: written.size };
        cx.store.link_new(&tx, upload.repository, content, now).await?;
    } else {
        cx.store.discard(&tx, blob).await?;
    }
    tx.commit().await?;
    collect::sweep_soon(cx).await;
    match (ended, good) {
        (false, _) => Err(out_of_order(&upload)),
        (true, false) => Err(Error::invalid(
            "digest-invalid",
            format!("what was sent has the digest {}, and not {digest}", written.digest),
        )
        .help("send it again")),
        (true, true) => Ok(()),
    }
}

/// Gives an upload up.
pub async fn cancel(cx: &Cx, upload: Upload) -> Result<()> {
    let tx = cx.store.begin().await?;
    cx.store.upload_end(&tx, &upload, None).await?;
    tx.commit().await?;
    collect::sweep_soon(cx).await;
    Ok(())
}

/// Several parts, or none, in one.
async fn join(cx: &Cx, parts: Vec<Part>) -> Result<(hearth_base::BlobId, Written)> {
    let blob = cx.id();
    let blobs = cx.blobs.clone();
    let content = stream::iter(parts)
        .then(move |part| {
            let blobs = blobs.clone();
            async move {
                let content = blobs.read(part.blob, None).await?;
                content.ok_or_else(|| Error::internal(format!("the content {} is not there", part.blob)))
            }
        })
        .try_flatten()
        .boxed();
    let written = cx.blobs.write(blob, content, cx.settings.blob_limit).await?;
    Ok((blob, written))
}

fn out_of_order(upload: &Upload) -> Error {
    let size = upload.size;
    Error::new(
        Kind::Range,
        "blob-upload-invalid",
        format!("this does not follow on the {size} bytes before it"),
    )
    .help("ask the upload how far it is, and go on from there")
}
