//! What handlers and rules of this service stand on.

use std::{convert::Infallible, sync::Arc};

use axum::{extract::FromRequestParts, http::request::Parts};
use hearth_base::{Clock, Entropy, Id, IdKind, Result, Role};
use hearth_kit::{
    blobs::Blobs,
    config::{Config, Door},
    state::StateFolder,
};
use jiff::{SignedDuration, Timestamp};

use crate::{ImagesSettings, store::Store};

/// Between content and the row that leads to it never lies more than this.
const WRITING: SignedDuration = SignedDuration::from_hours(24);

/// What handlers and rules of this service stand on.
#[derive(Clone)]
pub struct Cx {
    pub store: Store,
    pub blobs: Blobs,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
    pub settings: Arc<ImagesSettings>,
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
            store,
            blobs: Blobs::of(state, Role::Images)?,
            clock,
            entropy,
            settings: config.section(),
            door: Arc::new(config.door.clone()),
        })
    }

    /// A new id.
    pub fn id<K: IdKind>(&self) -> Id<K> {
        Id::new(self.clock.now(), &self.entropy)
    }

    /// How long nothing is collected that was touched.
    pub fn grace(&self) -> SignedDuration {
        SignedDuration::from_hours(i64::from(self.settings.grace_hours))
    }

    /// What was last touched before this is out of its time of grace.
    pub fn grace_began(&self) -> Timestamp {
        let now = self.clock.now();
        now.saturating_sub(self.grace()).unwrap_or(now)
    }

    /// Content that was written after this may yet get its row, however short the time of grace is.
    pub fn strays_began(&self) -> Timestamp {
        let now = self.clock.now();
        now.saturating_sub(self.grace().max(WRITING)).unwrap_or(now)
    }
}

impl FromRequestParts<Cx> for Cx {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, cx: &Cx) -> Result<Self, Infallible> {
        Ok(cx.clone())
    }
}
