//! Uploaded source archives.

use bytes::Bytes;
use futures::Stream;
use hearth_base::{BlobId, Error, ErrorKind, Result, SourceId, ToolId};
use hearth_client::BoxError;
use hearth_kit::{blobs::ContentStream, tool_state::lock_existing_tool};
use jiff::{SignedDuration, Timestamp};

use crate::{
    context::BuildsContext,
    store::UploadedSource,
    upload_reservations::{UploadReservation, UploadUsage},
};

/// Lifetime of an upload after its last use by a new build.
pub const UPLOAD_LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// Stores an archive; `length` is what the request declares. After an error nothing of it is left.
pub async fn store_upload<S, E>(
    cx: &BuildsContext,
    tool: ToolId,
    length: Option<u64>,
    content: S,
) -> Result<UploadedSource>
where
    S: Stream<Item = Result<Bytes, E>> + Send,
    E: Into<BoxError> + Send,
{
    let now = cx.now();
    let blob = BlobId::new(now, &cx.entropy);
    let limit = cx.settings.upload_limit;
    let expected = length.unwrap_or(limit);
    if expected > limit {
        return Err(build_size_error(limit));
    }
    let _reservation = reserve_upload(cx, tool, expected).await?;
    let written = cx.blobs.write(blob, content, expected).await.map_err(|error| match error.kind() {
        ErrorKind::TooLarge => build_size_error(limit),
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

/// Reserves room for an upload before its first byte is stored.
async fn reserve_upload(cx: &BuildsContext, tool: ToolId, bytes: u64) -> Result<UploadReservation> {
    let tx = cx.store.begin().await?;
    lock_existing_tool(&tx, tool).await?;
    let stored = cx.store.measure_sources(&tx, tool).await?;
    let limits = read_upload_limits(cx);
    let reservation = cx.upload_reservations.reserve_upload(tool, bytes, stored, limits);
    tx.commit().await?;
    reservation.ok_or_else(|| build_full_error(stored, limits))
}

fn read_upload_limits(cx: &BuildsContext) -> UploadUsage {
    UploadUsage { count: cx.settings.tool_uploads.into(), bytes: cx.settings.tool_upload_bytes }
}

fn build_full_error(stored: UploadUsage, limits: UploadUsage) -> Error {
    let what = format!(
        "the tool's uploads of the last day have reached their limit: {} uploads with {} MiB are stored; at most {} \
         with {} MiB",
        stored.count,
        stored.bytes >> 20,
        limits.count,
        limits.bytes >> 20
    );
    Error::new(ErrorKind::Exhausted, "uploads-full", what)
        .help("wait until older uploads expire, a day after their last use")
}

fn build_size_error(limit: u64) -> Error {
    let what = format!("the archive of the folder is too large; at most {} MiB", limit >> 20);
    Error::new(ErrorKind::TooLarge, "source-too-large", what)
        .help("exclude files that the build does not need: installed packages, data, .git")
}

async fn insert_upload(cx: &BuildsContext, source: &UploadedSource) -> Result<()> {
    let tx = cx.store.begin().await?;
    lock_existing_tool(&tx, source.tool).await?;
    // Another process may have stored uploads since the reservation.
    let (stored, limits) = (cx.store.measure_sources(&tx, source.tool).await?, read_upload_limits(cx));
    if !stored.add_usage(UploadUsage { count: 1, bytes: source.size }).is_within(limits) {
        return Err(build_full_error(stored, limits));
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
