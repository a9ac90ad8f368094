//! Uploaded source archives.

use bytes::Bytes;
use futures::Stream;
use hearth_base::{BlobId, Error, ErrorKind, Result, SourceId, ToolId};
use hearth_client::BoxError;
use hearth_kit::{blobs::ContentStream, tool_state::lock_existing_tool};
use jiff::{SignedDuration, Timestamp};

use crate::{context::BuildsContext, store::UploadedSource};

/// Lifetime of an upload after its last use by a new build.
pub const UPLOAD_LIFETIME: SignedDuration = SignedDuration::from_hours(24);
/// Limit for all uploads of a tool together, as a multiple of the limit for one.
const TOOL_UPLOAD_LIMIT_FACTOR: u64 = 8;

/// Stores an archive. After an error nothing of it is left.
pub async fn store_upload<S, E>(cx: &BuildsContext, tool: ToolId, content: S) -> Result<UploadedSource>
where
    S: Stream<Item = Result<Bytes, E>> + Send,
    E: Into<BoxError> + Send,
{
    let now = cx.now();
    let blob = BlobId::new(now, &cx.entropy);
    let limit = cx.settings.upload_limit;
    let written = cx.blobs.write(blob, content, limit).await.map_err(|error| match error.kind() {
        ErrorKind::TooLarge => Error::new(
            ErrorKind::TooLarge,
            "source-too-large",
            format!("the archive of the folder is too large; at most {} MiB", limit >> 20),
        )
        .help("exclude files that the build does not need: installed packages, data, .git"),
        _ => error,
    })?;
    let source = UploadedSource {
        id: SourceId::new(now, &cx.entropy),
        tool,
        blob,
        digest: written.digest,
        size: written.size,
        created: now,
        expires: cx.now() + UPLOAD_LIFETIME,
    };
    let inserted = insert_upload(cx, &source).await;
    if inserted.is_err() {
        cx.blobs.delete(blob).await?;
    }
    inserted.map(|()| source)
}

async fn insert_upload(cx: &BuildsContext, source: &UploadedSource) -> Result<()> {
    let tx = cx.store.begin().await?;
    lock_existing_tool(&tx, source.tool).await?;
    let stored_size = cx.store.sum_source_sizes(&tx, source.tool).await?;
    if stored_size + source.size > cx.settings.upload_limit * TOOL_UPLOAD_LIMIT_FACTOR {
        return Err(Error::new(
            ErrorKind::Exhausted,
            "uploads-full",
            "the tool's uploads of the last day have reached their size limit",
        )
        .help("wait until older uploads expire, a day after their last use"));
    }
    cx.store.insert_source(&tx, source).await?;
    tx.commit().await
}

/// Finds an upload of a tool.
pub async fn find_tool_source(cx: &BuildsContext, tool: ToolId, id: SourceId) -> Result<UploadedSource> {
    let found = cx.store.find_source(id).await?;
    found.filter(|source| source.tool == tool).ok_or_else(|| build_missing_error(id))
}

/// Opens the archive of an upload, for the builder.
pub async fn open_source(cx: &BuildsContext, id: SourceId) -> Result<(UploadedSource, ContentStream)> {
    let source = cx.store.find_source(id).await?.ok_or_else(|| build_missing_error(id))?;
    let content = cx.blobs.read(source.blob, None).await?.ok_or_else(|| build_missing_error(id))?;
    Ok((source, content))
}

/// Deletes expired uploads.
pub async fn delete_expired(cx: &BuildsContext, now: Timestamp) -> Result<()> {
    for source in cx.store.list_expired_sources(now).await? {
        delete_source(cx, &source).await?;
    }
    Ok(())
}

/// Deletes one upload, unless a new build has extended it meanwhile.
pub async fn delete_source(cx: &BuildsContext, source: &UploadedSource) -> Result<()> {
    let tx = cx.store.begin().await?;
    let forgotten = cx.store.delete_source(&tx, source).await?;
    // The content is deleted before the commit: a row without content is deleted by the next pass, content
    // without a row would stay.
    if forgotten {
        cx.blobs.delete(source.blob).await?;
    }
    tx.commit().await
}

/// Builds the error for an unknown or expired upload.
pub fn build_missing_error(id: SourceId) -> Error {
    Error::invalid("no-such-source", format!("the upload {id} does not exist or has expired"))
        .help("upload the folder again; an upload expires after a day")
}
