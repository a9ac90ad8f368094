//! Images of upstream registries, pulled through this one.
//!
//! A manifest or blob is stored once its digest was checked, and then served without asking the upstream. A tag is
//! compared with the upstream when it was not for `fresh_seconds`; while the upstream does not answer, the stored image is
//! served for a day. What was not used for the longest time makes room for what is pulled.

pub mod blobs;
pub mod eviction;
pub mod manifests;
pub mod tag_lists;

use hearth_base::{BlobId, Digest, Error, ErrorKind, Result};
use jiff::SignedDuration;

use crate::{
    context::ImagesContext,
    names::ManifestReference,
    store::UpstreamContent,
    upstream::{Upstream, UpstreamRepository},
};

/// Time after a recorded use of stored content within which further uses are not recorded.
const USE_RECORDING_INTERVAL: SignedDuration = SignedDuration::from_mins(10);

/// Formats the name of an image for errors: `library/alpine:3`.
fn format_image(repository: &UpstreamRepository, reference: &ManifestReference) -> String {
    match reference {
        ManifestReference::Tag(tag) => format!("image {repository}:{tag}"),
        ManifestReference::Digest(digest) => format!("image {repository}@{digest}"),
    }
}

/// Finds stored content, and records its use at most once in [`USE_RECORDING_INTERVAL`].
async fn find_stored(
    cx: &ImagesContext,
    upstream: &Upstream<'_>,
    digest: Digest,
) -> Result<Option<UpstreamContent>> {
    let Some(found) = cx.store.find_upstream_content(upstream.name, digest).await? else { return Ok(None) };
    let now = cx.now();
    if now.duration_since(found.last_used) > USE_RECORDING_INTERVAL {
        let tx = cx.store.begin().await?;
        cx.store.touch_upstream_content(&tx, upstream.name, digest, now).await?;
        tx.commit().await?;
    }
    Ok(Some(found))
}

/// Stores content that was just written and whose digest was checked. Returns the id of the stored bytes.
async fn store_content(
    cx: &ImagesContext,
    upstream: &Upstream<'_>,
    content: &UpstreamContent,
) -> Result<BlobId> {
    let inserted = async {
        let tx = cx.store.begin().await?;
        let stays = cx.store.insert_upstream_content(&tx, upstream.name, content).await?;
        tx.commit().await?;
        Ok(stays)
    };
    let inserted = inserted.await;
    if inserted.is_err() {
        // Without its row the content would be an orphan for a day.
        cx.blobs.delete(content.blob).await?;
    }
    inserted
}

/// Waits for the turn of a caller to ask an upstream for something small.
async fn acquire_question_permit(cx: &ImagesContext, caller: &str) -> Result<impl Sized> {
    cx.upstreams.question_pool.acquire(caller.to_owned()).await.map_err(|_| build_busy_error())
}

/// Error for a request that would have to wait behind too many others.
fn build_busy_error() -> Error {
    Error::new(
        ErrorKind::Exhausted,
        "upstream-busy",
        "too many images of upstream registries are being fetched",
    )
    .help("try again in a minute")
}
