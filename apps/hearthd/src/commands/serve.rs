//! `hearthd serve`: some roles of a Hearth that is made of several processes.

use hearth_base::{Error, Result, Role};
use hearth_kit::{config, config::Config, telemetry::start_logging};

use crate::{
    cli::{Serve, Settings},
    out,
    privilege::{User, become_user},
    process::Process,
    services::setting_sections,
};

/// What a process says when it answers, before the names of its roles and the door's address.
pub const READY: &str = "ready: ";

/// Runs the roles until the process is told to stop.
pub fn run(serve: Serve) -> Result<()> {
    let Serve { roles, user, settings } = serve;
    let together = roles == ["all"];
    let roles = match together {
        true => Role::ALL.to_vec(),
        false => roles.iter().map(|role| role.trim().parse()).collect::<Result<Vec<Role>>>()?,
    };
    let mut config = configuration(settings)?;
    if together {
        // In one process nobody else is to be called.
        config.services.clear();
    }
    // What only root can read has been read by now.
    if let Some(user) = user {
        become_user(User::find(&user)?)?;
    }
    start_logging(&config.log)?;
    threads()?.block_on(async {
        let process = Process::start(config, &roles).await?;
        let names = roles.iter().map(|role| role.name().to_owned());
        let door = process.door().map(|door| door.to_string());
        out::result(format_args!("{READY}{}", names.chain(door).collect::<Vec<_>>().join(" ")));
        process.run().await
    })
}

/// The configuration file, the environment over it, the command line over both.
pub fn configuration(settings: Settings) -> Result<Config> {
    let Settings { config: file, state, listen } = settings;
    // Values that are no text cannot be settings; other programs' variables may well be such.
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut config = config::load(file.as_deref(), environment, &setting_sections())?;
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
pub fn threads() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Error::internal)
}
