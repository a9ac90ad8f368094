//! What handlers and rules of this service stand on.

use std::{convert::Infallible, sync::Arc};

use axum::{extract::FromRequestParts, http::request::Parts};
use hearth_base::{Clock, Entropy, Result};
use hearth_kit::{Kit, tasks::Stop};
use prometheus_client::metrics::{counter::Counter, gauge::Gauge};

use crate::{LogsSettings, store::Store, turns::Turns};

/// What handlers and rules of this service stand on.
#[derive(Clone)]
pub struct Cx {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
    pub settings: Arc<LogsSettings>,
    pub turns: Turns,
    pub stop: Stop,
    pub counts: Counts,
}

/// What is counted.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// Lines that were kept.
    pub taken: Counter,
    /// Lines that never arrived.
    pub lost: Counter,
    /// Lines beyond what one container may write.
    pub dropped: Counter,
    /// Streams under way.
    pub streams: Gauge,
}

impl Cx {
    pub fn new(kit: &Kit) -> Result<Self> {
        let counts = Counts::default();
        kit.metrics.register(|registry| {
            registry.register("lines", "Lines that were kept", counts.taken.clone());
            registry.register("lines_lost", "Lines that never arrived", counts.lost.clone());
            let help = "Lines beyond what one container may write in an hour";
            registry.register("lines_dropped", help, counts.dropped.clone());
            registry.register("streams", "Streams under way", counts.streams.clone());
        });
        Ok(Self {
            store: Store::new(kit.db()?.clone(), kit.queue()?),
            clock: kit.clock.clone(),
            entropy: kit.entropy.clone(),
            settings: kit.settings(),
            turns: Turns::default(),
            stop: kit.tasks.stop_sign(),
            counts,
        })
    }
}

impl FromRequestParts<Cx> for Cx {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, cx: &Cx) -> Result<Self, Infallible> {
        Ok(cx.clone())
    }
}
