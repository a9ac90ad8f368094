//! Work with upstreams that is in progress in this process.

use std::collections::BTreeMap;

use hearth_base::Result;
use hearth_kit::fair_pool::{FairPool, PoolLimits};

use super::{BlobFetches, Upstream, UpstreamClient, UpstreamName, UpstreamRepository, UpstreamSettings};

/// Fetches of blobs, and other requests to upstreams, at one time: in all and for one caller, so that no caller holds up the others.
const FETCH_LIMITS: PoolLimits =
    PoolLimits { permits: 16, permits_per_key: 4, waiting_per_key: 64, waiting: 512 };

/// Work with upstreams that is in progress in this process.
#[derive(Clone)]
pub struct UpstreamWork {
    pub client: UpstreamClient,
    pub blob_fetches: BlobFetches,
    /// Fetches of blobs, by caller.
    pub fetch_pool: FairPool<String>,
    /// Requests for manifests and lists of tags, by caller. They do not wait behind blobs.
    pub question_pool: FairPool<String>,
    /// Requests about manifests: one at a time for each of them, so that the upstream is asked once.
    pub manifest_turns: FairPool<ManifestKey>,
}

/// A manifest of an upstream by its name.
pub type ManifestKey = (UpstreamName, UpstreamRepository, String);

impl UpstreamWork {
    /// Checks the settings of the upstreams.
    pub fn new(upstreams: &BTreeMap<UpstreamName, UpstreamSettings>, client: UpstreamClient) -> Result<Self> {
        for (name, settings) in upstreams {
            Upstream { name, settings }.check_settings()?;
        }
        Ok(Self {
            client,
            blob_fetches: BlobFetches::default(),
            fetch_pool: FairPool::new(FETCH_LIMITS),
            question_pool: FairPool::new(FETCH_LIMITS),
            manifest_turns: FairPool::new(PoolLimits::without_wait_limits(u32::MAX, 1)),
        })
    }
}
