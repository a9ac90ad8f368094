//! Uploads.

use bytes::Bytes;
use futures::Stream;
use hearth_base::{BlobId, Error, Kind, Result, SourceId, ToolId};
use hearth_client::BoxError;
use hearth_kit::{blobs::Content, tool_state::lock_existing_tool};
use jiff::{SignedDuration, Timestamp};

use crate::{cx::Cx, store::Source};

/// How long an upload is kept for the builds that were asked of it.
pub const UPLOAD_LIFETIME: SignedDuration = SignedDuration::from_hours(24);
/// All uploads of a tool together hold this many times the most that one may.
const TIMES: u64 = 8;

/// Takes an archive in. It is there when this has succeeded, and otherwise not at all.
pub async fn add<S, E>(cx: &Cx, tool: ToolId, content: S) -> Result<Source>
where
    S: Stream<Item = Result<Bytes, E>> + Send,
    E: Into<BoxError> + Send,
{
    let now = cx.now();
    let blob = BlobId::new(now, &cx.entropy);
    let limit = cx.settings.upload_limit;
    let written = cx.blobs.write(blob, content, limit).await.map_err(|error| match error.kind() {
        Kind::TooLarge => Error::new(
            Kind::TooLarge,
            "source-too-large",
            format!("the folder's archive is larger than {} MiB", limit >> 20),
        )
        .help("leave out what is not needed to build: installed packages, data, .git"),
        _ => error,
    })?;
    let source = Source {
        id: SourceId::new(now, &cx.entropy),
        tool,
        blob,
        digest: written.digest,
        size: written.size,
        created: now,
        expires: cx.now() + UPLOAD_LIFETIME,
    };
    let kept = keep(cx, &source).await;
    if kept.is_err() {
        cx.blobs.delete(blob).await?;
    }
    kept.map(|()| source)
}

async fn keep(cx: &Cx, source: &Source) -> Result<()> {
    let tx = cx.store.begin().await?;
    lock_existing_tool(&tx, source.tool).await?;
    let held = cx.store.source_size_of(&tx, source.tool).await?;
    if held + source.size > cx.settings.upload_limit * TIMES {
        return Err(Error::new(
            Kind::Exhausted,
            "uploads-full",
            "this tool's uploads of the last day hold as much as they may",
        )
        .help("wait until older ones are forgotten, a day after they were used"));
    }
    cx.store.source_add(&tx, source).await?;
    tx.commit().await
}

/// A tool's upload.
pub async fn of_tool(cx: &Cx, tool: ToolId, id: SourceId) -> Result<Source> {
    let found = cx.store.source(id).await?;
    found.filter(|source| source.tool == tool).ok_or_else(|| missing(id))
}

/// The archive of an upload, for the builder.
pub async fn content(cx: &Cx, id: SourceId) -> Result<(Source, Content)> {
    let source = cx.store.source(id).await?.ok_or_else(|| missing(id))?;
    let content = cx.blobs.read(source.blob, None).await?.ok_or_else(|| missing(id))?;
    Ok((source, content))
}

/// Forgets uploads that are kept no longer.
pub async fn sweep(cx: &Cx, now: Timestamp) -> Result<()> {
    for source in cx.store.source_expired(now).await? {
        forget(cx, &source).await?;
    }
    Ok(())
}

/// Forgets one upload, unless a build was asked of it meanwhile.
pub async fn forget(cx: &Cx, source: &Source) -> Result<()> {
    let tx = cx.store.begin().await?;
    let forgotten = cx.store.source_delete(&tx, source).await?;
    // The content first: a row without content is found again, content without a row is not.
    if forgotten {
        cx.blobs.delete(source.blob).await?;
    }
    tx.commit().await
}

/// The refusal of an upload that is not there.
pub fn missing(id: SourceId) -> Error {
    Error::invalid("no-such-source", format!("there is no upload {id}, or it has been forgotten"))
        .help("uploads are kept for a day: upload the folder again")
}
