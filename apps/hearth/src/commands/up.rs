//! `hearth up` and `hearth down`: a Hearth on this machine, in the background.

use std::path::{Path, PathBuf};

use hearth_base::Result;
use serde::{Deserialize, Serialize};

use crate::{context::Context, flags::DryRun};

/// What `hearth up` takes.
#[derive(Debug, clap::Args)]
pub struct UpArgs {
    /// The folder with everything that it keeps; absent: /var/lib/hearth
    #[arg(long, value_name = "FOLDER")]
    state: Option<PathBuf>,
    /// The address and port of its door; absent: 127.0.0.1:8080
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    #[command(flatten)]
    dry_run: DryRun,
}

/// What `hearth down` takes.
#[derive(Debug, clap::Args)]
pub struct DownArgs {
    /// The folder that it was started with; absent: /var/lib/hearth
    #[arg(long, value_name = "FOLDER")]
    state: Option<PathBuf>,
    #[command(flatten)]
    dry_run: DryRun,
}

/// What runs now.
#[derive(Debug, Serialize, Deserialize)]
struct Here {
    state: PathBuf,
    running: bool,
    changed: bool,
}

/// Starts it.
pub async fn up(cx: &Context, args: UpArgs) -> Result<()> {
    let UpArgs { state, listen, dry_run } = args;
    here::up(cx, state.as_deref(), listen.as_deref(), dry_run).await
}

/// Stops it.
pub async fn down(cx: &Context, args: DownArgs) -> Result<()> {
    let DownArgs { state, dry_run } = args;
    here::down(cx, state.as_deref(), dry_run).await
}

#[cfg(not(unix))]
mod here {
    use super::{Context, DryRun, Path, Result};

    fn nowhere() -> hearth_base::Error {
        hearth_base::Error::invalid("not-here", "a Hearth does not run on this operating system")
            .help("hearth login ADDRESS")
    }

    pub async fn up(_: &Context, _: Option<&Path>, _: Option<&str>, _: DryRun) -> Result<()> {
        Err(nowhere())
    }

    pub async fn down(_: &Context, _: Option<&Path>, _: DryRun) -> Result<()> {
        Err(nowhere())
    }
}

#[cfg(unix)]
mod here {
    use std::time::Duration;

    use hearth_base::Error;

    use super::{Context, DryRun, Here, Path, PathBuf, Result};
    use crate::{
        platform::{self, daemon},
        trouble::why,
    };

    /// How long it may take to end in good order.
    const PATIENCE: Duration = Duration::from_secs(60);

    pub async fn up(cx: &Context, state: Option<&Path>, listen: Option<&str>, dry_run: DryRun) -> Result<()> {
        let answer = cx.printer.answer::<Here>()?;
        let state = chosen(state)?;
        let refused = |cause: std::io::Error| in_the_way(&state, &why(&cause));
        if daemon::running(&state).map_err(refused)?.is_some() {
            let here = Here { state, running: true, changed: false };
            let sentence =
                format!("nothing to change: Hearth runs, with its state in {}", here.state.display());
            return answer.said(&here, &sentence);
        }
        check_root("up")?;
        let program = program(cx)?;
        if dry_run.dry_run {
            let sentence =
                format!("would start {}, with its state in {}", program.display(), state.display());
            return answer.said(&Here { state, running: false, changed: false }, &sentence);
        }
        let mut steps = cx.printer.steps();
        steps.begin("start");
        let (folder, listen) = (state.clone(), listen.map(str::to_owned));
        let starting =
            tokio::task::spawn_blocking(move || daemon::start(&program, &folder, listen.as_deref()));
        let said = steps.during(starting).await.map_err(Error::internal)?.map_err(refused)?;
        let Some(said) = said else {
            steps.failed("it ended");
            return Err(ended(&state));
        };
        steps.done("");
        let [first, .., last] = said.as_slice() else { return Err(ended(&state)) };
        answer.done(&Here { state: state.clone(), running: true, changed: true }, first)?;
        let (before, next) = last.split_once("Next: ").unwrap_or(("", last));
        cx.printer.note(&format!("its state is in {}, its log beside it", state.display()));
        if !before.trim().is_empty() {
            cx.printer.note(before.trim());
        }
        cx.printer.next(next);
        Ok(())
    }

    pub async fn down(cx: &Context, state: Option<&Path>, dry_run: DryRun) -> Result<()> {
        let answer = cx.printer.answer::<Here>()?;
        let state = chosen(state)?;
        let refused = |cause: std::io::Error| in_the_way(&state, &why(&cause));
        let Some(pid) = daemon::running(&state).map_err(refused)? else {
            let here = Here { state, running: false, changed: false };
            let sentence =
                format!("nothing to change: no Hearth runs with its state in {}", here.state.display());
            return answer.said(&here, &sentence);
        };
        check_root("down")?;
        if dry_run.dry_run {
            let sentence = format!(
                "would stop the process {}; its state stays in {}",
                pid.as_raw_nonzero(),
                state.display()
            );
            return answer.said(&Here { state, running: true, changed: false }, &sentence);
        }
        let mut steps = cx.printer.steps();
        steps.begin("stop");
        daemon::ask_to_end(pid).map_err(refused)?;
        let gone = async {
            while daemon::is_there(pid) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        if steps.during(tokio::time::timeout(PATIENCE, gone)).await.is_err() {
            steps.failed("it has not ended yet");
            let sentence = format!("the process {} does not end", pid.as_raw_nonzero());
            return Err(Error::unavailable("still-running", sentence)
                .help(format!("look into {}", daemon::log_file(&state).display())));
        }
        steps.done("");
        let sentence = format!("Hearth has stopped; everything it keeps is in {}", state.display());
        answer.done(&Here { state, running: false, changed: true }, &sentence)?;
        cx.printer.next("hearth up");
        Ok(())
    }

    /// The state folder, by a path that means the same to a process that lives elsewhere.
    fn chosen(state: Option<&Path>) -> Result<PathBuf> {
        let state = state.map_or_else(daemon::usual_state, Path::to_owned);
        std::path::absolute(&state).map_err(|cause| in_the_way(&state, &why(&cause)))
    }

    fn check_root(verb: &str) -> Result<()> {
        if daemon::is_root() {
            return Ok(());
        }
        Err(Error::invalid("not-root", "only root can start containers, and this is another user")
            .help(format!("sudo hearth {verb}")))
    }

    /// `hearthd`: beside this program, or on the search path.
    fn program(cx: &Context) -> Result<PathBuf> {
        let beside = std::env::current_exe().ok().and_then(|path| Some(path.parent()?.to_owned()));
        let folders = beside.into_iter().chain(cx.settings.environment.path.iter().cloned());
        let mut programs = folders.filter(|folder| folder.is_absolute()).map(|folder| folder.join("hearthd"));
        programs.find(|program| platform::is_program(program)).ok_or_else(|| {
            Error::invalid("no-hearthd", "hearthd is neither beside hearth nor on the search path")
                .help("put hearthd into the folder of hearth")
        })
    }

    fn in_the_way(state: &Path, why: &str) -> Error {
        Error::invalid("state-folder", format!("{} cannot be used: {why}", state.display()))
    }

    fn ended(state: &Path) -> Error {
        let log = daemon::log_file(state);
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let refusal = lines.iter().rposition(|line| line.starts_with("error: "));
        let told = refusal.map_or(&lines[lines.len().saturating_sub(3)..], |at| &lines[at..]);
        let error = Error::unavailable("hearthd-ended", "hearthd ended instead of running")
            .help(format!("look into {}", log.display()));
        // What it refused is said in its own words, and so is what comes next.
        told.iter().fold(error, |error, line| match line.strip_prefix("next:") {
            Some(next) => error.help(next.trim()),
            None => error.also(line.trim_start_matches("error: ").trim()),
        })
    }
}
