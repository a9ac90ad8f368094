//! `hearthd up`: everything on this machine, in two processes: this one, with root's powers, starts containers; all
//! services live in the other, without any.

mod child;
mod folders;

use std::{io::Read, os::unix::fs::OpenOptionsExt, path::Path};

use hearth_base::{Error, Result};
use hearth_kit::{config::Config, state::SETUP_CODE, telemetry::start_logging};
use tokio::signal::unix::{SignalKind, signal};

pub use self::folders::Folders;

use self::child::Services;
use super::{
    runtime,
    serve::{configuration, threads},
};
use crate::{cli::Up, out, privilege::User, thrift};

/// Runs everything until the process is told to stop. Containers go on.
pub fn run(up: Up) -> Result<()> {
    let settings = up.settings;
    let config = configuration(settings.clone())?;
    if !rustix::process::geteuid().is_root() {
        return Err(Error::forbidden("not-root", "only root can start containers, and this is another user")
            .help("sudo hearthd up; or for the services alone: hearthd serve --roles all"));
    }
    let user = User::find(&config.runtime.user)?;
    let folders = Folders::make(&config.state, user)?;
    start_logging(&config.log)?;
    threads()?.block_on(async {
        let mut term = signal(SignalKind::terminate()).map_err(Error::internal)?;
        let mut int = signal(SignalKind::interrupt()).map_err(Error::internal)?;
        let containers = runtime::open(&config, &folders.runtime)?;
        let mut services = Services::new(settings, user, &folders.services);
        let door = services.start().await?;
        out::result(welcome(&config, &folders, &door));
        tokio::select! {
            served = runtime::serve(containers, user.uid) => served?,
            () = services.keep() => {}
            _ = term.recv() => {}
            _ = int.recv() => {}
            never = thrift::keep() => match never {},
        }
        services.stop().await;
        Ok(())
    })
}

/// What somebody who started it wants to know.
fn welcome(config: &Config, folders: &Folders, door: &str) -> String {
    let port = door.rsplit(':').next().unwrap_or_default();
    let address = match &config.door.public_url {
        Some(url) => url.clone(),
        None => format!("http://{}:{port}", config.door.domain),
    };
    let mut text =
        format!("Hearth runs on this machine: {address}\nIts state is in {}", config.state.display());
    text.push_str(&match setup_code(&folders.services) {
        Some(code) => format!("\nNobody has an account yet. Next: hearth login {address} --code {code}"),
        None => format!("\nNext: hearth login {address}"),
    });
    text
}

/// The code by which the first operator comes in, while nobody has. Services own that folder, so what lies there is
/// not trusted to be a file.
fn setup_code(services: &Path) -> Option<String> {
    let nofollow = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).ok()?;
    let file =
        std::fs::OpenOptions::new().read(true).custom_flags(nofollow).open(services.join(SETUP_CODE)).ok()?;
    let mut code = String::new();
    let size = file.take(100).read_to_string(&mut code).ok()?;
    let code = code.trim();
    (size < 100 && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'))
        .then(|| code.to_owned())
}
