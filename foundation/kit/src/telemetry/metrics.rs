//! Metrics of a service, in the OpenMetrics text format (<https://github.com/prometheus/OpenMetrics>).

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{db::queue::QueueMetrics, log_error};
use axum::http::{Method, StatusCode};
use hearth_base::{Error, Result, Role};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, histogram::Histogram},
};

/// Media type of the OpenMetrics text format.
pub const OPEN_METRICS_MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Registry of metrics.
pub type Registry = prometheus_client::registry::Registry;

/// The metrics of one service.
#[derive(Clone)]
pub struct ServiceMetrics {
    registry: Arc<Mutex<Registry>>,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    queue: QueueMetrics,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    method: String,
    route: String,
}

fn create_histogram() -> Histogram {
    Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0])
}

impl ServiceMetrics {
    /// Metrics of `role`, with the prefix `hearth_ROLE`.
    pub fn new(role: Role) -> Self {
        let mut registry = Registry::with_prefix(format!("hearth_{}", role.name()));
        let requests = Family::default();
        let seconds: Family<_, _, fn() -> Histogram> = Family::new_with_constructor(create_histogram);
        registry.register("http_requests", "Handled requests", requests.clone());
        registry.register("http_request_duration_seconds", "Time to handle a request", seconds.clone());
        let queue = QueueMetrics::default();
        queue.register(&mut registry);
        Self { registry: Arc::new(Mutex::new(registry)), requests, durations: seconds, queue }
    }

    /// The metrics of the service's queue.
    pub fn queue_metrics(&self) -> QueueMetrics {
        self.queue.clone()
    }

    /// Registers metrics of the service's own.
    pub fn register(&self, register: impl FnOnce(&mut Registry)) {
        register(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Records a request. All requests without a route share one label, as do all unknown methods, so that clients
    /// cannot create new time series.
    pub fn record_request(&self, method: &Method, route: Option<&str>, status: StatusCode, took: Duration) {
        let known = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
        let method = if route.is_some() && known.contains(method) { method.as_str() } else { "other" };
        let method = method.to_owned();
        let route = route.unwrap_or("none").to_owned();
        let labels = RequestLabels { method: method.clone(), route: route.clone(), status: status.as_u16() };
        self.requests.get_or_create(&labels).inc();
        self.durations.get_or_create(&RouteLabels { method, route }).observe(took.as_secs_f64());
    }

    /// Updates the queue's gauges, then encodes all metrics as text.
    pub async fn refresh_to_text(&self) -> Result<String> {
        if let Err(error) = self.queue.refresh_gauges().await {
            log_error!(&error, "queue gauges not updated");
        }
        self.to_text()
    }

    /// Encodes all metrics as text.
    pub fn to_text(&self) -> Result<String> {
        to_text(&self.registry.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Encodes the metrics of a registry as text.
pub fn to_text(registry: &Registry) -> Result<String> {
    let mut text = String::new();
    encode(&mut text, registry).map_err(Error::internal)?;
    Ok(text)
}
