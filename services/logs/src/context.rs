//! The context of this service's handlers and rules.

use hearth_base::Result;
use hearth_kit::{Kit, RequestContext, tasks::ShutdownSignal};
use prometheus_client::metrics::{counter::Counter, gauge::Gauge};

use crate::{LogsSettings, search_permits::SearchPermits, store::LogsStore};

/// The context of this service's handlers and rules.
#[derive(Clone)]
pub struct LogsContext {
    base: RequestContext<LogsSettings>,
    pub store: LogsStore,
    pub search_permits: SearchPermits,
    pub stop: ShutdownSignal,
    pub metrics: LogsMetrics,
}

/// The metrics of this service.
#[derive(Debug, Clone, Default)]
pub struct LogsMetrics {
    /// Stored lines.
    pub accepted: Counter,
    /// Lines that never arrived.
    pub lost: Counter,
    /// Lines over the hourly limit of a container.
    pub dropped: Counter,
    /// Open streams.
    pub streams: Gauge,
}

impl LogsContext {
    pub fn new(kit: &Kit) -> Result<Self> {
        let metrics = LogsMetrics::default();
        kit.metrics.register(|registry| {
            registry.register("lines", "Stored lines", metrics.accepted.clone());
            registry.register("lines_lost", "Lines that never arrived", metrics.lost.clone());
            let help = "Lines over the hourly limit of a container";
            registry.register("lines_dropped", help, metrics.dropped.clone());
            registry.register("streams", "Open streams", metrics.streams.clone());
        });
        Ok(Self {
            base: RequestContext::from_kit(kit),
            store: LogsStore::new(kit.db()?.clone(), kit.create_queue()?),
            search_permits: SearchPermits::default(),
            stop: kit.tasks.shutdown_signal(),
            metrics,
        })
    }
}

hearth_kit::impl_request_context!(LogsContext, LogsSettings);
