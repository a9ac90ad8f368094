//! The context of this service's handlers and rules.

use std::sync::Arc;

use hearth_base::{Clock, Entropy, Result, Role};
use hearth_kit::{
    RequestContext,
    blobs::Blobs,
    config::{Config, Door},
    state::StateFolder,
};
use jiff::{SignedDuration, Timestamp};

use crate::{ImagesSettings, store::Store};

/// Between content and the row that leads to it never lies more than this.
const WRITING: SignedDuration = SignedDuration::from_hours(24);

/// The context of this service's handlers and rules.
#[derive(Clone)]
pub struct Cx {
    base: RequestContext<ImagesSettings>,
    pub store: Store,
    pub blobs: Blobs,
    pub door: Arc<Door>,
}

impl Cx {
    pub fn new(
        config: &Config,
        state: &StateFolder,
        store: Store,
        clock: Arc<dyn Clock>,
        entropy: Arc<Entropy>,
    ) -> Result<Self> {
        Ok(Self {
            base: RequestContext::new(clock, entropy, config.section()),
            store,
            blobs: Blobs::of(state, Role::Images)?,
            door: Arc::new(config.door.clone()),
        })
    }

    /// How long nothing is collected that was touched.
    pub fn grace(&self) -> SignedDuration {
        SignedDuration::from_hours(i64::from(self.settings.grace_hours))
    }

    /// What was last touched before this is out of its time of grace.
    pub fn grace_began(&self) -> Timestamp {
        let now = self.now();
        now.saturating_sub(self.grace()).unwrap_or(now)
    }

    /// Content that was written after this may yet get its row, however short the time of grace is.
    pub fn strays_began(&self) -> Timestamp {
        let now = self.now();
        now.saturating_sub(self.grace().max(WRITING)).unwrap_or(now)
    }
}

hearth_kit::impl_request_context!(Cx, ImagesSettings);
