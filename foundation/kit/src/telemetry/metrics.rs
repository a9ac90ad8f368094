//! Counts and times of one service, in the OpenMetrics text format
//! (<https://github.com/prometheus/OpenMetrics>).

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

/// The media type of metrics as text.
pub const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Where a service registers metrics of its own.
pub type Registry = prometheus_client::registry::Registry;

/// The metrics of one service.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<RouteLabels, Histogram, fn() -> Histogram>,
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

fn histogram() -> Histogram {
    Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0])
}

impl Metrics {
    /// No metrics yet, for `role`.
    pub fn new(role: Role) -> Self {
        let mut registry = Registry::with_prefix(format!("hearth_{}", role.name()));
        let requests = Family::default();
        let seconds: Family<_, _, fn() -> Histogram> = Family::new_with_constructor(histogram);
        registry.register("http_requests", "Requests answered", requests.clone());
        registry.register("http_request_duration_seconds", "Time to answer a request", seconds.clone());
        let queue = QueueMetrics::default();
        queue.register(&mut registry);
        Self { registry: Arc::new(Mutex::new(registry)), requests, seconds, queue }
    }

    /// The metrics of the service's queue.
    pub fn queue(&self) -> QueueMetrics {
        self.queue.clone()
    }

    /// Registers metrics of the service's own.
    pub fn register(&self, register: impl FnOnce(&mut Registry)) {
        register(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Counts one request. What matched no route is counted as one route, and methods that nothing here
    /// takes as one, so that strangers cannot make new time series.
    pub fn request(&self, method: &Method, route: Option<&str>, status: StatusCode, took: Duration) {
        let known = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
        let method = if route.is_some() && known.contains(method) { method.as_str() } else { "other" };
        let method = method.to_owned();
        let route = route.unwrap_or("none").to_owned();
        let labels = RequestLabels { method: method.clone(), route: route.clone(), status: status.as_u16() };
        self.requests.get_or_create(&labels).inc();
        self.seconds.get_or_create(&RouteLabels { method, route }).observe(took.as_secs_f64());
    }

    /// Reads what the queue holds, then all of them as text.
    pub async fn to_fresh_text(&self) -> Result<String> {
        if let Err(error) = self.queue.refresh_gauges().await {
            log_error!(&error, "queue items not counted");
        }
        self.to_text()
    }

    /// All of them as text.
    pub fn to_text(&self) -> Result<String> {
        to_text(&self.registry.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Metrics as text.
pub fn to_text(registry: &Registry) -> Result<String> {
    let mut text = String::new();
    encode(&mut text, registry).map_err(Error::internal)?;
    Ok(text)
}
