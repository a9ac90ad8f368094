//! Blobs of upstreams.

use std::{sync::Arc, time::Duration};

use axum::http::{Method, header};
use futures::{Stream, StreamExt, stream};
use hearth_base::{BlobId, Digest, Error, ErrorKind, Result};
use hearth_kit::{
    blobs::WrittenBlob,
    log_error,
    outbound::{DocumentStream, FetchLimits},
};

use super::{build_busy_error, eviction, find_stored, store_content};
use crate::{
    context::ImagesContext,
    store::{BlobContent, UpstreamContent},
    upstream::{
        BlobFetch, FetchGuard, FetchReader, Upstream, UpstreamName, UpstreamRepository, UpstreamRequest,
        build_invalid_answer_error,
    },
};

/// Time for a whole blob.
const BLOB_TIMEOUT: Duration = Duration::from_secs(2 * 3600);
/// Time within which more of a blob must arrive.
const CHUNK_TIMEOUT: Duration = Duration::from_secs(60);

/// Bytes that a fetch of unknown size reserves at a time.
const RESERVED_STEP: u64 = 32 << 20;

/// A blob of an upstream.
pub enum UpstreamBlob {
    /// It is stored.
    Stored(BlobContent),
    /// It is being fetched. The size is known where the upstream announces it.
    Fetching { reader: FetchReader, size: Option<u64> },
}

/// Finds a blob of an upstream, or begins to fetch it. `caller` is a key of the caller, for a fair share of the fetches. A fetch
/// continues when its callers have gone.
pub async fn find_blob(
    cx: &ImagesContext,
    upstream: &Upstream<'_>,
    (repository, digest): (&UpstreamRepository, Digest),
    caller: String,
) -> Result<UpstreamBlob> {
    if let Some(found) = find_stored(cx, upstream, digest).await? {
        return Ok(UpstreamBlob::Stored(BlobContent { digest, blob: found.blob, size: found.size }));
    }
    let (mut reader, guard) = cx.upstreams.blob_fetches.join_fetch(upstream.name, digest);
    if let Some(guard) = guard {
        let fetch =
            BlobRequest { upstream: upstream.name.clone(), repository: repository.clone(), digest, caller };
        spawn_fetch(cx, fetch, guard);
    }
    let size = reader.wait_for_answer().await?;
    Ok(UpstreamBlob::Fetching { reader, size })
}

/// Waits until a blob is stored, for callers that want a part of it.
pub async fn wait_for_blob(digest: Digest, mut reader: FetchReader) -> Result<BlobContent> {
    let (blob, size) = reader.wait_for_end().await?;
    Ok(BlobContent { digest, blob, size })
}

/// A blob to fetch.
struct BlobRequest {
    upstream: UpstreamName,
    repository: UpstreamRepository,
    digest: Digest,
    caller: String,
}

fn spawn_fetch(cx: &ImagesContext, request: BlobRequest, guard: FetchGuard) {
    let cx = cx.clone();
    let tasks = cx.tasks.clone();
    tasks.spawn("upstream-fetch", async move {
        let shutdown = cx.tasks.shutdown_signal();
        // A dropped guard ends the fetch as interrupted.
        let Some(fetched) = shutdown.run_until_shutdown(fetch_blob(&cx, &request, &guard)).await else {
            return;
        };
        if let Err(error) = &fetched
            && error.kind() != ErrorKind::NotFound
        {
            log_error!(error, upstream = %request.upstream, repository = %request.repository,
                digest = %request.digest, "blob of an upstream registry not fetched");
        }
        guard.finish_fetch(fetched);
    });
}

/// Fetches a blob, checks it and stores it. Returns its id and size.
async fn fetch_blob(cx: &ImagesContext, request: &BlobRequest, guard: &FetchGuard) -> Result<(BlobId, u64)> {
    let BlobRequest { upstream, repository, digest, caller } = request;
    let upstream = Upstream::find_configured(&cx.settings.upstreams, upstream)?;
    let _permit = cx.upstreams.fetch_pool.acquire(caller.clone()).await.map_err(|_| build_busy_error())?;
    // A fetch that ended after this one was asked for.
    if let Some(found) = find_stored(cx, &upstream, *digest).await? {
        return Ok((found.blob, found.size));
    }
    let limit = cx.settings.blob_limit.min(upstream.settings.bytes);
    let wanted = format!("blob {digest} of {repository}");
    let sent = UpstreamRequest {
        method: Method::GET,
        repository,
        resource: format!("blobs/{digest}"),
        accept: "*/*",
        wanted: wanted.clone(),
        unknown_code: "blob-unknown",
        limits: FetchLimits {
            max_bytes: usize::try_from(limit).unwrap_or(usize::MAX),
            timeout: BLOB_TIMEOUT,
        },
    };
    let answer = cx.upstreams.client.open_resource(&upstream, &sent, cx.now()).await?;
    let announced =
        answer.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|size: u64| size > limit) {
        return Err(build_size_error(&upstream, &wanted, limit));
    }
    guard.fetch().reserve_bytes(announced.unwrap_or(0));
    eviction::make_room(cx, &upstream).await?;
    guard.fetch().begin_content(announced);
    let blob: BlobId = cx.generate_id();
    let content = reserve_while_read(cx, &upstream, guard.fetch(), announced, read_chunks(answer));
    let content = guard.fetch().clone().hand_on(Box::pin(content));
    let written = cx.blobs.write(blob, content, limit).await.map_err(|error| match error.code() {
        "content-too-large" | "outbound-too-large" => build_size_error(&upstream, &wanted, limit),
        _ => error,
    });
    let WrittenBlob { digest: found, size } = written?;
    if found != *digest {
        cx.blobs.delete(blob).await?;
        let why = format!("the digest of the {wanted} is {found}");
        return Err(build_invalid_answer_error(&upstream, &why));
    }
    let content = UpstreamContent { digest: *digest, blob, size, media_type: None, last_used: cx.now() };
    let blob = store_content(cx, &upstream, &content).await?;
    // From here on it counts as stored.
    guard.fetch().reserve_bytes(0);
    eviction::make_room(cx, &upstream).await?;
    Ok((blob, size))
}

/// Reserves room for content whose size was not announced, [`RESERVED_STEP`] by step while it is read.
///
/// Errors: `upstream-blob-size` when the upstream's content does not leave the room.
fn reserve_while_read(
    cx: &ImagesContext,
    upstream: &Upstream<'_>,
    fetch: &Arc<BlobFetch>,
    announced: Option<u64>,
    content: impl Stream<Item = Result<bytes::Bytes>> + Send + 'static,
) -> impl Stream<Item = Result<bytes::Bytes>> + Send + 'static {
    let (cx, name, fetch) = (cx.clone(), upstream.name.clone(), fetch.clone());
    let state = (cx, name, fetch, announced.unwrap_or(0), 0_u64, Box::pin(content));
    stream::try_unfold(state, async |(cx, name, fetch, mut reserved, mut received, mut content)| {
        let Some(chunk) = content.next().await.transpose()? else { return Ok(None) };
        received += chunk.len() as u64;
        if received > reserved {
            reserved = received + RESERVED_STEP;
            fetch.reserve_bytes(reserved);
            let upstream = Upstream::find_configured(&cx.settings.upstreams, &name)?;
            if !eviction::make_room(&cx, &upstream).await? {
                return Err(build_size_error(&upstream, "content", upstream.settings.bytes));
            }
        }
        Ok(Some((chunk, (cx, name, fetch, reserved, received, content))))
    })
}

/// Reads an answer in chunks, each within [`CHUNK_TIMEOUT`].
fn read_chunks(answer: DocumentStream) -> impl Stream<Item = Result<bytes::Bytes>> + Send + 'static {
    stream::try_unfold(answer, async |mut answer| {
        let chunk = tokio::time::timeout(CHUNK_TIMEOUT, answer.next_chunk()).await;
        let late = |_| {
            Error::new(
                ErrorKind::Timeout,
                "upstream-timeout",
                "the upstream registry does not continue its answer",
            )
            .help("try again in a moment")
        };
        Ok(chunk.map_err(late)??.map(|chunk| (chunk, answer)))
    })
}

fn build_size_error(upstream: &Upstream<'_>, wanted: &str, limit: u64) -> Error {
    let what = format!(
        "the {wanted} of the upstream registry {} is too large; at most {limit} bytes",
        upstream.name
    );
    Error::unavailable("upstream-blob-size", what).help(format!(
        "ask an operator of this Hearth to raise images.upstreams.{}.bytes or images.blob_limit",
        upstream.name
    ))
}
