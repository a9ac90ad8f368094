//! Context of this service's handlers and rules.

use std::sync::Arc;

use hearth_base::{Clock, Entropy, Result, Role};
use hearth_kit::{
    RequestContext,
    blobs::BlobStore,
    config::{DoorSettings, HearthConfig},
    state::StateFolder,
    tasks::BackgroundTasks,
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    ImagesSettings,
    quota_source::QuotaSource,
    store::RegistryStore,
    upstream::{UpstreamClient, UpstreamWork},
};

/// Youngest age at which content without a row counts as orphaned: no request takes longer between writing
/// the content and its row.
const MIN_ORPHAN_AGE: SignedDuration = SignedDuration::from_hours(24);

/// Time without news after which content that a request was receiving is given up: the process was killed.
/// Each request renews it at least every minute.
const INCOMING_TIMEOUT: SignedDuration = SignedDuration::from_mins(10);

/// Context of this service's handlers and rules.
#[derive(Clone)]
pub struct ImagesContext {
    base: RequestContext<ImagesSettings>,
    pub store: RegistryStore,
    pub blobs: BlobStore,
    pub door: Arc<DoorSettings>,
    pub quotas: QuotaSource,
    pub tasks: BackgroundTasks,
    pub upstreams: UpstreamWork,
}

impl ImagesContext {
    pub fn new(
        config: &HearthConfig,
        state: &StateFolder,
        store: RegistryStore,
        quotas: QuotaSource,
        (clock, entropy): (Arc<dyn Clock>, Arc<Entropy>),
        tasks: BackgroundTasks,
    ) -> Result<Self> {
        let settings: Arc<ImagesSettings> = config.read_section();
        let upstreams =
            UpstreamWork::new(&settings.upstreams, UpstreamClient::new(config.outbound.create_client()))?;
        Ok(Self {
            base: RequestContext::new(clock, entropy, settings),
            store,
            blobs: BlobStore::open(state, Role::Images, &config.disk)?,
            door: Arc::new(config.door.clone()),
            quotas,
            tasks,
            upstreams,
        })
    }

    /// Grace period after the last use, during which nothing is collected.
    pub fn grace_period(&self) -> SignedDuration {
        SignedDuration::from_hours(i64::from(self.settings.grace_hours))
    }

    /// Start of the grace period: anything last used before this time may be collected.
    pub fn grace_cutoff(&self) -> Timestamp {
        let now = self.now();
        now.saturating_sub(self.grace_period()).unwrap_or(now)
    }

    /// Content that is being received and was touched before this time is given up.
    pub fn incoming_cutoff(&self) -> Timestamp {
        let now = self.now();
        now.saturating_sub(INCOMING_TIMEOUT).unwrap_or(now)
    }

    /// Content written before this time and still without a row is orphaned, however short the grace period
    /// is.
    pub fn orphan_cutoff(&self) -> Timestamp {
        let now = self.now();
        now.saturating_sub(self.grace_period().max(MIN_ORPHAN_AGE)).unwrap_or(now)
    }
}

hearth_kit::impl_request_context!(ImagesContext, ImagesSettings);
