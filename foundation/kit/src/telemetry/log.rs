//! Structured logs on standard error: one JSON object per line, or plain text.

use std::io;

use hearth_base::{Error, Result};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{LogFormat, LogSettings};

/// Initializes logging of the process. Must be called once, before anything else.
pub fn start_logging(log: &LogSettings) -> Result<()> {
    let filter = EnvFilter::try_new(&log.level).map_err(|cause| {
        Error::invalid("log-level", format!("invalid log.level: {:?}", log.level))
            .help("write error, warn, info, debug or trace, or hearth_gateway=debug,info")
            .with_cause(cause)
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
