//! `hearthd up`: runs everything on one machine in two processes. This one is privileged and starts
//! containers; the other one runs all services without privileges.

mod folders;
mod services_process;

use std::{io::Read, os::unix::fs::OpenOptionsExt, path::Path};

use hearth_base::{Error, Result};
use hearth_kit::{config::HearthConfig, state::SETUP_CODE_FILE, telemetry::start_logging};
use tokio::signal::unix::{SignalKind, signal};

pub use self::folders::HostFolders;

use self::services_process::ServicesProcess;
use super::{
    runtime,
    serve::{build_executor, load_configuration},
};
use crate::{cli::UpArgs, console, memory_trim, privilege::HostUser};

/// Runs everything until a stop signal. Containers continue to run.
pub fn run(args: UpArgs) -> Result<()> {
    let settings = args.settings;
    let config = load_configuration(settings.clone())?;
    if !rustix::process::geteuid().is_root() {
        return Err(Error::forbidden("not-root", "this user is not root; containers need root")
            .help("sudo hearthd up; or for the services alone: hearthd serve --roles all"));
    }
    let user = HostUser::find_user(&config.runtime.user)?;
    let folders = HostFolders::create_in(&config.state, user)?;
    start_logging(&config.log)?;
    build_executor()?.block_on(async {
        let mut term = signal(SignalKind::terminate()).map_err(Error::internal)?;
        let mut int = signal(SignalKind::interrupt()).map_err(Error::internal)?;
        let containers = runtime::open_runtime(&config, &folders.runtime)?;
        let mut services = ServicesProcess::new(settings, user, &folders.services);
        let door = services.start().await?;
        write_pid_file(&config.state)?;
        console::print_result(render_welcome(&config, &folders, &door));
        tokio::select! {
            served = runtime::serve_runtime(containers, user.uid) => served?,
            () = services.supervise_services() => {}
            _ = term.recv() => {}
            _ = int.recv() => {}
            never = memory_trim::run() => match never {},
        }
        services.stop().await;
        Ok(())
    })
}

/// File in the state folder with the id of this process. `hearth down` reads it, however Hearth was started.
const PID_FILE: &str = "hearthd.pid";

fn write_pid_file(state: &Path) -> Result<()> {
    std::fs::write(state.join(PID_FILE), format!("{}\n", std::process::id())).map_err(|cause| {
        Error::unavailable(
            "state-folder",
            format!("{} cannot be written: {cause}", state.join(PID_FILE).display()),
        )
        .help("make room on the disk, or choose another folder with --state")
    })
}

/// Renders the message after a successful start.
fn render_welcome(config: &HearthConfig, folders: &HostFolders, door: &str) -> String {
    let port = door.rsplit(':').next().unwrap_or_default();
    let address = match &config.door.public_url {
        Some(url) => url.clone(),
        None => format!("http://{}:{port}", config.door.domain),
    };
    let mut text =
        format!("Hearth runs on this machine: {address}\nIts state is in {}", config.state.display());
    text.push_str(&match read_setup_code(&folders.services) {
        Some(code) => format!(
            "\nThere is no account yet. The setup code is {code}\nNext: hearth login {address} --code-stdin"
        ),
        None => format!("\nNext: hearth login {address}"),
    });
    text
}

/// Reads the code for the first operator's sign-in, which exists while there is no account. The services own
/// the folder, so symbolic links and long files are not trusted.
fn read_setup_code(services: &Path) -> Option<String> {
    let nofollow = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).ok()?;
    let file = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(nofollow)
        .open(services.join(SETUP_CODE_FILE))
        .ok()?;
    let mut code = String::new();
    let size = file.take(100).read_to_string(&mut code).ok()?;
    let code = code.trim();
    (size < 100 && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'))
        .then(|| code.to_owned())
}
