//! `hearthd serve`: runs some roles of a Hearth with several processes.

use hearth_base::{Error, Result, Role};
use hearth_kit::{config, config::HearthConfig, telemetry::start_logging};

use crate::{
    cli::{ServeArgs, SettingsArgs},
    console,
    privilege::{HostUser, become_user},
    process::ServerProcess,
    services::setting_sections,
};

/// Start of the line that a process prints when it is ready. Its roles and the gateway's address follow.
pub const READY_PREFIX: &str = "ready: ";

/// Runs the roles until a stop signal.
pub fn run(args: ServeArgs) -> Result<()> {
    let ServeArgs { roles, user, settings } = args;
    let is_single_process = roles == ["all"];
    let roles = match is_single_process {
        true => Role::ALL.to_vec(),
        false => roles.iter().map(|role| role.trim().parse()).collect::<Result<Vec<Role>>>()?,
    };
    let mut config = load_configuration(settings)?;
    if is_single_process {
        // All roles are local, so configured addresses of other processes do not apply.
        config.services.clear();
    }
    // Files that only root can read have been read at this point.
    if let Some(user) = user {
        become_user(HostUser::find_user(&user)?)?;
    }
    start_logging(&config.log)?;
    build_executor()?.block_on(async {
        let process = ServerProcess::start(config, &roles).await?;
        let names = roles.iter().map(|role| role.name().to_owned());
        let address = process.gateway_address().map(|address| address.to_string());
        console::print_result(format_args!(
            "{READY_PREFIX}{}",
            names.chain(address).collect::<Vec<_>>().join(" ")
        ));
        process.run().await
    })
}

/// Loads the configuration: file, overridden by environment, overridden by command line.
pub fn load_configuration(settings: SettingsArgs) -> Result<HearthConfig> {
    let SettingsArgs { config: file, state, listen } = settings;
    let mut config = config::load_config(file.as_deref(), read_environment(), &setting_sections())?;
    if let Some(state) = state {
        config.state = std::path::absolute(&state).map_err(|cause| {
            Error::invalid(
                "state-folder",
                format!("the state folder {} is invalid: {cause}", state.display()),
            )
        })?;
    }
    if let Some(listen) = listen {
        config.door.listen = listen;
    }
    Ok(config)
}

/// Reads the environment. Variables that are not UTF-8 belong to other programs.
pub fn read_environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Builds the tokio runtime.
pub fn build_executor() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Error::internal)
}
