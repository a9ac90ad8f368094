//! `hearth up` and `hearth down`: start and stop of Hearth on this machine, in the background.

use std::path::{Path, PathBuf};

use hearth_base::Result;
use serde::{Deserialize, Serialize};

use crate::{context::CommandContext, flags::DryRun};

/// The arguments of `hearth up`.
#[derive(Debug, clap::Args)]
pub struct UpArgs {
    /// The state folder; default: /var/lib/hearth
    #[arg(long, value_name = "FOLDER")]
    state: Option<PathBuf>,
    /// The address and port; default: 127.0.0.1:8080
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The arguments of `hearth down`.
#[derive(Debug, clap::Args)]
pub struct DownArgs {
    /// The state folder; default: /var/lib/hearth
    #[arg(long, value_name = "FOLDER")]
    state: Option<PathBuf>,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The result: whether Hearth runs, and whether that changed.
#[derive(Debug, Serialize, Deserialize)]
struct LocalHearth {
    state: PathBuf,
    running: bool,
    changed: bool,
}

/// Starts Hearth.
pub async fn start_hearth(cx: &CommandContext, args: UpArgs) -> Result<()> {
    let UpArgs { state, listen, dry_run } = args;
    local_hearth::start(cx, state.as_deref(), listen.as_deref(), dry_run).await
}

/// Stops Hearth.
pub async fn stop_hearth(cx: &CommandContext, args: DownArgs) -> Result<()> {
    let DownArgs { state, dry_run } = args;
    local_hearth::stop(cx, state.as_deref(), dry_run).await
}

#[cfg(not(unix))]
mod local_hearth {
    use super::{CommandContext, DryRun, Path, Result};

    fn build_unsupported_error() -> hearth_base::Error {
        hearth_base::Error::invalid("unsupported-system", "Hearth cannot run on this operating system")
            .help("hearth login ADDRESS")
    }

    pub async fn start(_: &CommandContext, _: Option<&Path>, _: Option<&str>, _: DryRun) -> Result<()> {
        Err(build_unsupported_error())
    }

    pub async fn stop(_: &CommandContext, _: Option<&Path>, _: DryRun) -> Result<()> {
        Err(build_unsupported_error())
    }
}

#[cfg(unix)]
mod local_hearth {
    use std::time::Duration;

    use hearth_base::Error;

    use super::{CommandContext, DryRun, LocalHearth, Path, PathBuf, Result};
    use crate::{
        io_error::describe_io_error,
        platform::{self, daemon},
        settings::ServerAddress,
    };

    /// The time limit of a graceful stop.
    const STOP_TIMEOUT: Duration = Duration::from_secs(60);

    /// The file with the code of the first account, below the state folder, while there is no account.
    const SETUP_CODE_FILE: &str = "services/setup-code";

    pub async fn start(
        cx: &CommandContext,
        state: Option<&Path>,
        listen: Option<&str>,
        dry_run: DryRun,
    ) -> Result<()> {
        let result = cx.printer.open_output::<LocalHearth>()?;
        listen.map_or(Ok(()), check_listen_address)?;
        let state = resolve_state_folder(state)?;
        let refused = |cause: std::io::Error| build_state_error(&state, &describe_io_error(&cause));
        if daemon::find_process(&state).map_err(refused)?.is_some() {
            let hearth = LocalHearth { state, running: true, changed: false };
            let sentence =
                format!("nothing to change: Hearth runs, with its state in {}", hearth.state.display());
            result.print_sentence(&hearth, &sentence)?;
            let code = hearth.state.join(SETUP_CODE_FILE);
            if code.exists() {
                cx.printer
                    .print_note(&format!("There is no account yet. The setup code is in {}", code.display()));
                let address = listen.map(|listen| format!(" http://{listen}")).unwrap_or_default();
                cx.printer.print_next(&format!("hearth login{address} --code-stdin"));
            }
            return Ok(());
        }
        check_root("up")?;
        let program = find_hearthd(cx)?;
        if dry_run.dry_run {
            let sentence =
                format!("would start {}, with its state in {}", program.display(), state.display());
            return result.print_sentence(&LocalHearth { state, running: false, changed: false }, &sentence);
        }
        let mut steps = cx.printer.open_steps();
        steps.begin_step("start");
        let (folder, listen) = (state.clone(), listen.map(str::to_owned));
        let starting =
            tokio::task::spawn_blocking(move || daemon::start_hearthd(&program, &folder, listen.as_deref()));
        let ready_lines = steps.wait_for(starting).await.map_err(Error::internal)?.map_err(refused)?;
        let Some(lines) = ready_lines else {
            steps.mark_failed("hearthd ended");
            return Err(build_start_error(&state));
        };
        steps.mark_done("");
        let [first, .., last] = lines.as_slice() else { return Err(build_start_error(&state)) };
        result.print_done(&LocalHearth { state: state.clone(), running: true, changed: true }, first)?;
        let (before, next) = last.split_once("Next: ").unwrap_or(("", last));
        cx.printer.print_note(&format!("state and log are in {}", state.display()));
        if !before.trim().is_empty() {
            cx.printer.print_note(before.trim());
        }
        let server =
            next.strip_prefix("hearth login ").and_then(|address| address.parse::<ServerAddress>().ok());
        let signed_in = server.is_some_and(|server| cx.settings.user.find_entry(&server).is_some());
        cx.printer.print_next(if signed_in { "hearth" } else { next });
        Ok(())
    }

    pub async fn stop(cx: &CommandContext, state: Option<&Path>, dry_run: DryRun) -> Result<()> {
        let result = cx.printer.open_output::<LocalHearth>()?;
        let state = resolve_state_folder(state)?;
        let refused = |cause: std::io::Error| build_state_error(&state, &describe_io_error(&cause));
        let found = match daemon::find_process(&state) {
            // Only root and the services can open the folder.
            Err(cause) if cause.kind() == std::io::ErrorKind::PermissionDenied => {
                check_root("down")?;
                Err(cause)
            }
            found => found,
        };
        let Some(pid) = found.map_err(refused)? else {
            let hearth = LocalHearth { state, running: false, changed: false };
            let sentence =
                format!("nothing to change: no Hearth runs with its state in {}", hearth.state.display());
            return result.print_sentence(&hearth, &sentence);
        };
        check_root("down")?;
        if dry_run.dry_run {
            let sentence = format!(
                "would stop process {}; its state stays in {}",
                pid.as_raw_nonzero(),
                state.display()
            );
            return result.print_sentence(&LocalHearth { state, running: true, changed: false }, &sentence);
        }
        let mut steps = cx.printer.open_steps();
        steps.begin_step("stop");
        daemon::terminate_process(pid).map_err(refused)?;
        let ended = async {
            while daemon::is_alive(pid) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        if steps.wait_for(tokio::time::timeout(STOP_TIMEOUT, ended)).await.is_err() {
            steps.mark_failed("hearthd has not ended");
            let sentence = format!("process {} has not ended within 60 s", pid.as_raw_nonzero());
            return Err(Error::unavailable("still-running", sentence)
                .help(format!("less {}", daemon::log_file_path(&state).display())));
        }
        steps.mark_done("");
        let sentence = format!("Hearth has stopped; its state is in {}", state.display());
        let next = match state == daemon::default_state_folder() {
            true => "hearth up".to_owned(),
            false => format!("hearth up --state {}", state.display()),
        };
        result.print_done(&LocalHearth { state, running: false, changed: true }, &sentence)?;
        // With another configuration, it would stop the containers of another Hearth of this host.
        let clear = "hearthd clear, with the same configuration and state, stops them";
        cx.printer.print_note(&format!("containers of tools continue to run; {clear}"));
        cx.printer.print_next(&next);
        Ok(())
    }

    /// Returns the absolute path of the state folder, for a process with another working folder.
    fn resolve_state_folder(state: Option<&Path>) -> Result<PathBuf> {
        let state = state.map_or_else(daemon::default_state_folder, Path::to_owned);
        std::path::absolute(&state).map_err(|cause| build_state_error(&state, &describe_io_error(&cause)))
    }

    /// Checks the form only: a host name is resolved by hearthd.
    fn check_listen_address(listen: &str) -> Result<()> {
        let host_and_port = listen.rsplit_once(':');
        if host_and_port.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok()) {
            return Ok(());
        }
        let sentence = format!("invalid value {listen:?} for --listen: expected an address and a port");
        Err(Error::invalid("invalid-value", sentence).help("hearth up --listen 127.0.0.1:8080"))
    }

    fn check_root(verb: &str) -> Result<()> {
        if daemon::is_root() {
            return Ok(());
        }
        Err(Error::invalid("not-root", "this user is not root; containers need root")
            .help(format!("sudo hearth {verb}")))
    }

    /// Finds `hearthd` beside this program, or on the search path.
    fn find_hearthd(cx: &CommandContext) -> Result<PathBuf> {
        let beside = std::env::current_exe().ok().and_then(|path| Some(path.parent()?.to_owned()));
        let folders = beside.into_iter().chain(cx.settings.environment.search_path.iter().cloned());
        let mut programs = folders.filter(|folder| folder.is_absolute()).map(|folder| folder.join("hearthd"));
        programs.find(|program| platform::is_executable(program)).ok_or_else(|| {
            Error::invalid(
                "no-hearthd",
                "hearthd is not installed: it is neither in the folder of hearth nor on PATH",
            )
            .help("install hearthd in the same folder as hearth")
        })
    }

    fn build_state_error(state: &Path, why: &str) -> Error {
        Error::invalid("state-folder", format!("{} cannot be used: {why}", state.display()))
    }

    fn build_start_error(state: &Path) -> Error {
        let log = daemon::log_file_path(state);
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        let mut lines: Vec<&str> = text.lines().collect();
        // Of two errors in a row, the first names the cause; the second says only that the services ended.
        let ended = lines.iter().rposition(|line| line.ends_with("[services-ended]")).unwrap_or(0);
        let is_caused = |line: &str| line.starts_with("next:") || line.starts_with("error: ");
        if ended.checked_sub(1).and_then(|before| lines.get(before)).is_some_and(|line| is_caused(line)) {
            lines.truncate(ended);
        }
        let refusal = lines.iter().rposition(|line| line.starts_with("error: "));
        let reported_lines = refusal.map_or(&lines[lines.len().saturating_sub(3)..], |at| &lines[at..]);
        let error = Error::unavailable("hearthd-ended", "hearthd ended while it was starting")
            .help(format!("less {}", log.display()));
        // The error of hearthd and its next command are passed on from its log.
        reported_lines.iter().fold(error, |error, line| match line.strip_prefix("next:") {
            Some(next) => error.help(next.trim()),
            None => error.and_message(line.trim_start_matches("error: ").trim()),
        })
    }
}
