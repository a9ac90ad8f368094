//! Images of upstream registries, pulled through this one.
//!
//! A manifest or blob is stored once its digest was checked, and then served without asking the upstream. A tag is
//! compared with the upstream when it was not for `fresh_seconds`; while the upstream does not answer, the stored image is
//! served. What was not used for the longest time makes room for what is pulled.

pub mod blobs;
pub mod eviction;
pub mod manifests;
pub mod tag_lists;

use hearth_base::{BlobId, Digest, Error, ErrorKind, Result};
use hearth_kit::fair_pool::{FairPool, PoolLimits};
use jiff::SignedDuration;

use crate::{
    ImagesSettings,
    context::ImagesContext,
    names::ManifestReference,
    store::UpstreamContent,
    upstream::{BlobFetches, Upstream, UpstreamClient, UpstreamName, UpstreamRepository},
};

/// Age from which a use of stored content is recorded.
const MAX_USE_AGE: SignedDuration = SignedDuration::from_mins(10);

/// Fetches from upstreams at one time: in all and for one caller, so that no caller holds up the others.
const FETCH_LIMITS: PoolLimits =
    PoolLimits { permits: 16, permits_per_key: 4, waiting_per_key: 64, waiting: 512 };

/// Work with upstreams that is in progress in this process.
#[derive(Clone)]
pub struct UpstreamWork {
    pub client: UpstreamClient,
    pub blob_fetches: BlobFetches,
    /// Fetches of blobs, by caller.
    pub fetch_pool: FairPool<String>,
    /// Requests about manifests: one at a time for each of them, so that the upstream is asked once.
    pub manifest_turns: FairPool<ManifestKey>,
}

/// A manifest of an upstream by its name.
pub type ManifestKey = (UpstreamName, UpstreamRepository, String);

impl UpstreamWork {
    /// Checks the settings of the upstreams.
    pub fn new(settings: &ImagesSettings, client: UpstreamClient) -> Result<Self> {
        for (name, settings) in &settings.upstreams {
            Upstream { name, settings }.check_settings()?;
        }
        Ok(Self {
            client,
            blob_fetches: BlobFetches::default(),
            fetch_pool: FairPool::new(FETCH_LIMITS),
            manifest_turns: FairPool::new(PoolLimits::without_wait_limits(u32::MAX, 1)),
        })
    }
}

/// Formats the name of an image for errors: `library/alpine:3`.
fn format_image(repository: &UpstreamRepository, reference: &ManifestReference) -> String {
    match reference {
        ManifestReference::Tag(tag) => format!("image {repository}:{tag}"),
        ManifestReference::Digest(digest) => format!("image {repository}@{digest}"),
    }
}

/// Finds stored content, and records its use at most once in [`MAX_USE_AGE`].
async fn find_stored(
    cx: &ImagesContext,
    upstream: &Upstream<'_>,
    digest: Digest,
) -> Result<Option<UpstreamContent>> {
    let Some(found) = cx.store.find_upstream_content(upstream.name, digest).await? else { return Ok(None) };
    let now = cx.now();
    if now.duration_since(found.last_used) > MAX_USE_AGE {
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

/// Error for a request that would have to wait behind too many others.
fn build_busy_error() -> Error {
    Error::new(ErrorKind::Exhausted, "upstream-busy", "too many images of upstream registries are being fetched")
        .help("try again in a minute")
}
