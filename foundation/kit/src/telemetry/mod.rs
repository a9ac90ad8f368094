//! Logs and metrics.

mod log;
mod log_error;
mod metrics;

pub use log::start_logging;
pub use metrics::{OPEN_METRICS_MEDIA_TYPE, Registry, ServiceMetrics, to_text};
