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

/// Builds the request for a program in a container; without a command, a shell. A login shell would
/// reset `PATH` (`/etc/profile`), and with it hide the image's programs.
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
    let argv = match (command.is_empty(), line) {
        (true, line) => {
            let shell = "if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi".to_owned();
            vec!["/bin/sh".to_owned(), "-c".to_owned(), line.unwrap_or(shell)]
        }
        (false, line) => command.into_iter().chain(line).collect(),
    };
    let mut process = build_process(cx, &run, &workload.plan, argv).await?;
    if let Some(term) = term.filter(|term| terminal.is_some() && is_terminal_type(term)) {
        process.env.insert("TERM".to_owned(), Secret::new(term));
    }
    let terminal = terminal.map(|ExecSize { rows, columns }| TerminalSize { rows, columns });
    Ok(ExecRequest { instance: run.instance, process, terminal })
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
    let RunEnvvars { plain: env, sealed, .. } =
        cx.peers.read_run_envvars(run.tool, &plan.job, &plan.env).await?;
    let user = ContainerUser { uid: plan.user.0, gid: plan.user.1, groups: Vec::new() };
    Ok(Process { argv, env, sealed, cwd: plan.cwd.clone(), user, stop_signal: 15 })
}

#[cfg(test)]
mod tests {
    use super::*;

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
