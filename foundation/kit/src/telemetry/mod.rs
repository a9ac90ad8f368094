//! Logs, metrics, and how to ask a service whether it is well.

mod log;
mod log_error;
mod metrics;

pub use log::start_logging;
pub use metrics::{Metrics, OPEN_METRICS, Registry, to_text};
