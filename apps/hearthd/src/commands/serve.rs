//! `hearthd serve`: some roles of a Hearth that is made of several processes.

use hearth_base::{Error, Result, Role};
use hearth_kit::{config, config::Config, telemetry::start_logging};

use crate::{
    cli::{Serve, Settings},
    out,
    process::Process,
};

/// Runs the roles until the process is told to stop.
pub fn run(serve: Serve) -> Result<()> {
    let Serve { roles, settings } = serve;
    let roles = roles.iter().map(|role| role.trim().parse()).collect::<Result<Vec<Role>>>()?;
    let config = configuration(settings)?;
    start_logging(&config.log)?;
    runtime()?.block_on(async {
        let process = Process::start(config, &roles).await?;
        let names: Vec<_> = roles.iter().map(|role| role.name()).collect();
        out::result(format_args!("ready: {}", names.join(" ")));
        process.run().await
    })
}

/// The configuration file, the environment over it, the command line over both.
pub fn configuration(settings: Settings) -> Result<Config> {
    let Settings { config: file, state, listen } = settings;
    // Values that are no text cannot be settings; other programs' variables may well be such.
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut config = config::load(file.as_deref(), environment)?;
    if let Some(state) = state {
        config.state = std::path::absolute(&state).map_err(|cause| {
            Error::invalid("state-folder", format!("{} cannot be a folder: {cause}", state.display()))
        })?;
    }
    if let Some(listen) = listen {
        config.door.listen = listen;
    }
    Ok(config)
}

/// The threads that answer.
pub fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Error::internal)
}
