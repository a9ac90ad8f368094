//! Prepares programs that run in a container of a job beside its main process.

use std::time::Duration;

use hearth_base::{Error, JobName, Result, Secret};
use hearth_runtime_api::{ContainerUser, ExecRequest, Process, TerminalSize};
use hearth_wire::jobs::{ExecOpen, ExecSize};

use super::definition::{ToolScope, command, job_not_found_error};
use crate::{
    context::JobsContext,
    peers::RunEnvvars,
    store::{Job, JobKind, Run, StoredRunState, WorkloadPlan},
};

/// Waits until a container of the job runs, for `timeout` at most.
///
/// # Errors
///
/// `no-such-job` (not found); `job-not-running` (conflict) if no container runs in time or none will start.
pub async fn wait_until_running(
    cx: &JobsContext,
    scope: ToolScope<'_>,
    name: &JobName,
    timeout: Duration,
) -> Result<()> {
    let mut watch = cx.watch_runs(scope.tool, timeout);
    loop {
        let job = cx.store.find_job(scope.tool, name).await?.ok_or_else(|| job_not_found_error(name))?;
        let runs =
            cx.store.list_active_runs_plus(scope.tool, job.last_run.clone().into_iter().collect()).await?;
        let runs = || runs.iter().filter(|run| run.job == job.id);
        if runs().any(|run| run.state == StoredRunState::Running) {
            return Ok(());
        }
        let may_start = matches!(job.kind, JobKind::Continuous(_))
            || runs().any(|run| !run.has_ended() || run.will_retry);
        if !may_start || !watch.wait_for_change().await {
            return Err(job_not_running_error(name));
        }
    }
}

/// Builds the request for a program in a container; without a command, a shell.
pub async fn prepare_exec(
    cx: &JobsContext,
    scope: ToolScope<'_>,
    name: &JobName,
    open: ExecOpen,
) -> Result<ExecRequest> {
    let ExecOpen { command, line, terminal, term, run } = open;
    let job = cx.store.find_job(scope.tool, name).await?.ok_or_else(|| job_not_found_error(name))?;
    let run = find_running_run(cx, &job, run.as_deref()).await?;
    let workload =
        cx.store.find_workload(run.instance.workload).await?.ok_or_else(|| job_not_running_error(name))?;
    let image = &workload.plan.image.config;
    let line = line.map(|line| command::resolve_command_line(&line, image)).transpose()?.flatten();
    let mut process = build_process(cx, &run, &workload.plan, build_exec_argv(command, line)).await?;
    if let Some(term) = term.filter(|term| terminal.is_some() && is_terminal_type(term)) {
        process.env.insert("TERM".to_owned(), Secret::new(term));
    }
    let terminal = terminal.map(|ExecSize { rows, columns }| TerminalSize { rows, columns });
    Ok(ExecRequest { instance: run.instance, process, terminal })
}

/// Starts the best shell of the image. A login shell would reset `PATH` (`/etc/profile`), and with it hide the image's
/// programs.
const SHELL_COMMAND: &str = "if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi";

/// Builds the arguments of a program: the command, with `line` behind it, or a shell that runs `line`, or a shell.
fn build_exec_argv(command: Vec<String>, line: Option<String>) -> Vec<String> {
    if command.is_empty() {
        let line = line.unwrap_or_else(|| SHELL_COMMAND.to_owned());
        return vec!["/bin/sh".to_owned(), "-c".to_owned(), line];
    }
    command.into_iter().chain(line).collect()
}

/// Maximum length of the name of a terminal's type.
const MAX_TERM_BYTES: usize = 64;

/// Returns whether a text can be the name of a terminal's type (`term(7)`).
fn is_terminal_type(term: &str) -> bool {
    (1..=MAX_TERM_BYTES).contains(&term.len())
        && term.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_+.".contains(&byte))
}

/// Finds the running run with the id `wanted`; without an id, a ready one that started last.
async fn find_running_run(cx: &JobsContext, job: &Job, wanted: Option<&str>) -> Result<Run> {
    let runs = cx.store.list_active_runs_plus(job.tool, Vec::new()).await?;
    let mut runs = runs.into_iter().filter(|run| run.job == job.id && run.state == StoredRunState::Running);
    match wanted {
        Some(id) => runs.find(|run| run.id() == id),
        None => runs.max_by_key(|run| (run.ready, run.started)),
    }
    .ok_or_else(|| job_not_running_error(&job.name))
}

fn job_not_running_error(name: &JobName) -> Error {
    Error::conflict("job-not-running", format!("job {name} has no running container"))
        .help(format!("show its status: hearth jobs show {name}"))
}

/// Builds a process for a container, with the variables, working directory and user of its main process.
pub async fn build_process(
    cx: &JobsContext,
    run: &Run,
    plan: &WorkloadPlan,
    argv: Vec<String>,
) -> Result<Process> {
    let RunEnvvars { plain: env, sealed, .. } = cx.peers.read_run_envvars(run.tool, plan).await?;
    let user = ContainerUser { uid: plan.user.0, gid: plan.user.1, groups: Vec::new() };
    Ok(Process { argv, env, sealed, cwd: plan.cwd.clone(), user, stop_signal: 15 })
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        process::{Command, Stdio},
    };

    use super::*;

    const IMAGE_PATH: &str = "/opt/venv/bin:/usr/local/bin:/usr/bin:/bin";

    /// Runs a program of an image on this machine, with that `PATH` and this input.
    fn run_on_this_machine(argv: &[String], input: &str) -> String {
        let mut command = Command::new(&argv[0]);
        command.args(&argv[1..]).env_clear().env("PATH", IMAGE_PATH);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
    }

    #[test]
    fn every_kind_of_shell_has_the_path_of_the_image() {
        let line = || Some("echo $PATH".to_owned());
        for (argv, input) in [
            (build_exec_argv(Vec::new(), None), "echo $PATH\n"),
            (build_exec_argv(Vec::new(), line()), ""),
            (build_exec_argv(vec!["sh".to_owned(), "-c".to_owned()], line()), ""),
            (build_exec_argv(vec!["bash".to_owned()], None), "echo $PATH\n"),
        ] {
            assert_eq!(run_on_this_machine(&argv, input), format!("{IMAGE_PATH}\n"), "{argv:?}");
        }
    }

    #[test]
    fn program_of_exec_is_started_without_a_shell() {
        let argv = build_exec_argv(vec!["python3".to_owned(), "a b.py".to_owned()], None);
        assert_eq!(argv, ["python3", "a b.py"]);
    }

    #[test]
    fn only_names_of_terminal_types_are_passed_on() {
        for term in ["xterm-256color", "screen.xterm", "dumb"] {
            assert!(is_terminal_type(term), "{term}");
        }
        for term in ["", "a b", "../x", "x\n", &"x".repeat(65)] {
            assert!(!is_terminal_type(term), "{term:?}");
        }
    }
}
