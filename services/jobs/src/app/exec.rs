//! Which container a second program runs in, and as what.

use std::time::Duration;

use hearth_base::{Error, JobName, Result};
use hearth_runtime_api::{Exec, Process, TerminalSize, User};
use hearth_wire::jobs::{ExecOpen, ExecSize};

use super::definition::{Of, command, no_such_job};
use crate::{
    cx::Cx,
    neighbours::Given,
    store::{Job, Kind, Plan, Run, RunState},
};

/// Refuses a job of which nothing runs, and nothing begins to within `patience`.
pub async fn must_run(cx: &Cx, of: Of<'_>, name: &JobName, patience: Duration) -> Result<()> {
    let mut news = cx.news(of.tool, patience);
    loop {
        let job = cx.store.job(of.tool, name).await?.ok_or_else(|| no_such_job(name))?;
        let runs = cx.store.runs_to_show(of.tool, job.last_run.clone().into_iter().collect()).await?;
        let runs = || runs.iter().filter(|run| run.job == job.id);
        if runs().any(|run| run.state == RunState::Running) {
            return Ok(());
        }
        let comes = matches!(job.kind, Kind::Kept(_)) || runs().any(|run| !run.is_over() || run.again);
        if !comes || !news.come().await {
            return Err(nothing_runs(name));
        }
    }
}

/// The container, and what is started there. Without a command, a shell.
pub async fn prepare(cx: &Cx, of: Of<'_>, name: &JobName, open: ExecOpen) -> Result<Exec> {
    let ExecOpen { command, line, terminal, run } = open;
    let job = cx.store.job(of.tool, name).await?.ok_or_else(|| no_such_job(name))?;
    let run = running(cx, &job, run.as_deref()).await?;
    let workload = cx.store.workload(run.instance.workload).await?.ok_or_else(|| nothing_runs(name))?;
    let image = &workload.plan.image.config;
    let line = line.map(|line| command::line(&line, image)).transpose()?.flatten();
    let argv = match (command.is_empty(), line) {
        (true, line) => {
            let shell =
                "if command -v bash >/dev/null 2>&1; then exec bash -l; else exec sh -l; fi".to_owned();
            vec!["/bin/sh".to_owned(), "-c".to_owned(), line.unwrap_or(shell)]
        }
        (false, line) => command.into_iter().chain(line).collect(),
    };
    let process = process(cx, &run, &workload.plan, argv).await?;
    let terminal = terminal.map(|ExecSize { rows, columns }| TerminalSize { rows, columns });
    Ok(Exec { instance: run.instance, process, terminal })
}

async fn running(cx: &Cx, job: &Job, wanted: Option<&str>) -> Result<Run> {
    let runs = cx.store.runs_to_show(job.tool, Vec::new()).await?;
    let mut runs = runs.into_iter().filter(|run| run.job == job.id && run.state == RunState::Running);
    match wanted {
        Some(id) => runs.find(|run| run.id() == id),
        None => runs.max_by_key(|run| (run.ready, run.started)),
    }
    .ok_or_else(|| nothing_runs(&job.name))
}

fn nothing_runs(name: &JobName) -> Error {
    Error::conflict("job-not-running", format!("no container of {name} runs now"))
        .help(format!("see what it waits for: hearth jobs show {name}"))
}

/// A second program in a container: as the first one in all but what it does.
pub async fn process(cx: &Cx, run: &Run, plan: &Plan, argv: Vec<String>) -> Result<Process> {
    let Given { plain: env, sealed, .. } = cx.neighbours.envvars(run.tool, &plan.job, &plan.env).await?;
    let user = User { uid: plan.user.0, gid: plan.user.1, groups: Vec::new() };
    Ok(Process { argv, env, sealed, cwd: plan.cwd.clone(), user, stop_signal: 15 })
}
