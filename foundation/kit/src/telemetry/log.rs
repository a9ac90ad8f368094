//! Structured logs on standard error: one JSON object a line, or plain text for people.

use std::io;

use hearth_base::{Error, Result};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{Log, LogFormat};

/// Starts logging for the whole process. Call it once, first.
pub fn start_logging(log: &Log) -> Result<()> {
    let filter = EnvFilter::try_new(&log.level).map_err(|cause| {
        Error::invalid("log-level", format!("log.level {:?} cannot be read", log.level))
            .help("write error, warn, info, debug or trace, or hearth_gateway=debug,info")
            .because(cause)
    })?;
    let registry = tracing_subscriber::registry().with(filter);
    let started = match log.format {
        LogFormat::Json => {
            let layer = fmt::layer().json().flatten_event(true).with_writer(io::stderr);
            registry.with(layer).try_init()
        }
        LogFormat::Text => registry.with(fmt::layer().with_writer(io::stderr).with_ansi(false)).try_init(),
    };
    started.map_err(Error::internal)
}
