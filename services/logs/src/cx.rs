//! The context of this service's handlers and rules.

use hearth_base::Result;
use hearth_kit::{Kit, RequestContext, tasks::Stop};
use prometheus_client::metrics::{counter::Counter, gauge::Gauge};

use crate::{LogsSettings, store::Store, turns::Turns};

/// The context of this service's handlers and rules.
#[derive(Clone)]
pub struct Cx {
    base: RequestContext<LogsSettings>,
    pub store: Store,
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
            base: RequestContext::from_kit(kit),
            store: Store::new(kit.db()?.clone(), kit.queue()?),
            turns: Turns::default(),
            stop: kit.tasks.stop_sign(),
            counts,
        })
    }
}

hearth_kit::impl_request_context!(Cx, LogsSettings);
