//! `hearthd up`: everything on this machine.

use std::fs;

use hearth_base::{Result, Role};
use hearth_kit::{config::Config, state::StateFolder, telemetry::start_logging};

use super::serve::{configuration, runtime};
use crate::{cli::Up, out, process::Process};

/// Runs all roles until the process is told to stop.
pub fn run(up: Up) -> Result<()> {
    let mut config = configuration(up.settings)?;
    // In one process nobody else is to be called.
    config.services.clear();
    start_logging(&config.log)?;
    runtime()?.block_on(async {
        let shown = config.clone();
        let process = Process::start(config, Role::ALL).await?;
        let door = process.door().map_or_else(String::new, |address| address.port().to_string());
        out::result(welcome(&shown, &door)?);
        process.run().await
    })
}

/// What somebody who started it wants to know.
fn welcome(config: &Config, port: &str) -> Result<String> {
    let address = match &config.door.public_url {
        Some(url) => url.clone(),
        None => format!("http://{}:{port}", config.door.domain),
    };
    let mut text =
        format!("Hearth runs on this machine: {address}\nIts state is in {}", config.state.display());
    let code = StateFolder::open(&config.state)?.setup_code();
    text.push_str(&match fs::read_to_string(&code) {
        Ok(code) => {
            format!("\nNobody has an account yet. Next: hearth login {address} --code {}", code.trim())
        }
        Err(_) => format!("\nNext: hearth login {address}"),
    });
    Ok(text)
}
