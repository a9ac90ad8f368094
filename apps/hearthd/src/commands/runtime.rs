//! `hearthd runtime`: the one process with root's powers. It starts containers for one caller and does nothing
//! else; they go on when it ends.

use std::sync::Arc;

use hearth_base::{Error, Result, SystemClock};
use hearth_kit::telemetry::start_logging;
use hearth_runtime_api::wire::Callers;
use hearth_runtime_local::{Local, Settings};
use tokio::signal::unix::{SignalKind, signal};

use super::serve::{configuration, runtime};
use crate::{cli::Runtime, out};

/// Serves the runtime's socket until the process is told to stop.
pub fn run(command: Runtime) -> Result<()> {
    let Runtime { caller, settings } = command;
    let config = configuration(settings)?;
    start_logging(&config.log)?;
    let instance = &config.runtime.instance;
    let settings = Settings::new(instance, config.state.join("runtime"));
    runtime()?.block_on(async {
        let mut term = signal(SignalKind::terminate()).map_err(Error::internal)?;
        let mut int = signal(SignalKind::interrupt()).map_err(Error::internal)?;
        let local = Local::open(settings, Arc::new(SystemClock))?;
        out::result(format_args!("ready: runtime {instance}"));
        tokio::select! {
            served = local.serve(Callers { uids: vec![caller] }) => served,
            _ = term.recv() => Ok(()),
            _ = int.recv() => Ok(()),
        }
    })
}
