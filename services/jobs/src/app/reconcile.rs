//! Bringing one workload to where it should be: one step, as far as it gets now. Each step may be repeated.

use std::time::Duration;

use hearth_base::{Error, Kind, Result};
use hearth_kit::db::Tx;
use hearth_runtime_api::{
    Isolation, LayerSource, Limits, Mount, MountSource, Network, Process, User, Version, Workload as Told,
    WorkloadId, WorkloadKind,
};
use hearth_wire::jobs::{RunEnd, RunState};
use jiff::{SignedDuration, Timestamp};

use super::{health, observe, outcome, route, tell};
use crate::{
    cx::Cx,
    neighbours::Given,
    store::{Plan, Run, Workload},
};

/// The longest pause between two tries.
const LONGEST: i64 = 300;

/// Where a step leaves a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// There is nothing to do until something happens.
    Rest,
    /// There is more to do from then on.
    At(Timestamp),
}

/// Takes one step.
pub async fn step(cx: &Cx, id: WorkloadId) -> Result<Next> {
    let Some(workload) = cx.store.workload(id).await? else { return Ok(Next::Rest) };
    let stepped = match &workload {
        workload if workload.done => forget(cx, workload).await.map(|()| Next::Rest),
        workload if workload.is_told() && workload.wanted => confirm(cx, workload).await,
        workload if workload.is_told() => return Ok(Next::Rest),
        workload if workload.wanted => apply(cx, workload).await.map(|()| Next::Rest),
        workload => stop(cx, workload).await.map(|()| Next::Rest),
    };
    match stepped {
        Ok(next) => Ok(next),
        Err(error) => trouble(cx, &workload, &error).await,
    }
}

async fn apply(cx: &Cx, workload: &Workload) -> Result<()> {
    let plan = &workload.plan;
    let layers: Vec<_> = plan.image.layers.iter().map(|layer| layer.id).collect();
    for missing in cx.runtime.missing_layers(&layers).await? {
        let Some(layer) = plan.image.layers.iter().find(|layer| layer.id == missing) else { continue };
        let bytes = cx.neighbours.layer(layer).await?;
        let source = LayerSource { id: layer.id, compression: layer.compression };
        cx.runtime.add_layer(source, bytes).await?;
    }
    let (told, envvars) = told(cx, workload).await?;
    if plan.await_ready {
        // What answers now goes on, however short a time ago it took over; what it replaced has no time left to
        // drain.
        tell_ready(cx, workload, SignedDuration::ZERO).await?;
    }
    match cx.runtime.apply(told).await {
        Err(error) if error.code() == "run-already-done" => return observe::missing(cx, workload.id).await,
        applied => applied?,
    }
    let tx = cx.store.begin().await?;
    cx.store.tool_locked(&tx, workload.tool).await?;
    note_told(cx, &tx, workload, Some(envvars)).await?;
    if let WorkloadId::Run(run) = workload.id
        && let Some(mut run) = cx.store.run_in(&tx, &run.to_string()).await?
        && run.state == RunState::Waiting
    {
        run.state = RunState::Starting;
        cx.store.run_put(&tx, &run).await?;
    }
    cx.store.commit(tx).await?;
    cx.wake_watchers();
    Ok(())
}

/// Tells the runtime what it is to restart, and, after some time to drain, what is ready.
async fn confirm(cx: &Cx, workload: &Workload) -> Result<Next> {
    if !matches!(workload.id, WorkloadId::Set(_)) {
        return Ok(Next::Rest);
    }
    let next = tell_ready(cx, workload, health::DRAIN).await?;
    if workload.trouble.is_some() {
        let tx = cx.store.begin().await?;
        cx.store.tool_locked(&tx, workload.tool).await?;
        note_told(cx, &tx, workload, None).await?;
        cx.store.commit(tx).await?;
    }
    Ok(next)
}

/// Tells the runtime which containers of a set are of no use, and which have been ready for so long: it restarts those,
/// and stops what these replace.
async fn tell_ready(cx: &Cx, workload: &Workload, drain: SignedDuration) -> Result<Next> {
    let tx = cx.store.begin().await?;
    let runs = cx.store.runs_of(&tx, workload.id).await?;
    drop(tx);
    let mut next = Next::Rest;
    for run in runs.iter().filter(|run| !run.is_over()) {
        let now = cx.now();
        // A clock that was set back makes nobody wait for longer.
        let drained = run.up.map(|up| up.min(now) + drain).filter(|drained| *drained > now);
        let told = match &run.doomed {
            Some(_) => cx.runtime.restart(run.instance).await,
            None if !run.ready || !workload.plan.is_probed() => continue,
            None => match drained {
                Some(then) => {
                    next = Next::At(then);
                    continue;
                }
                None => cx.runtime.ready(run.instance).await,
            },
        };
        match told {
            // It ended a moment ago.
            Err(error) if error.kind() == Kind::NotFound => {}
            told => told?,
        }
    }
    Ok(next)
}

/// Notes what the runtime has been told, and with which state of the variables; more may be wanted by now.
async fn note_told(cx: &Cx, tx: &Tx, workload: &Workload, envvars: Option<String>) -> Result<()> {
    let Some(mut now) = cx.store.workload_in(tx, workload.id).await? else { return Ok(()) };
    now.applied = now.applied.max(Some(workload.generation));
    (now.trouble, now.tries) = (None, 0);
    now.envvars = envvars.or(now.envvars);
    cx.store.workload_save(tx, &now).await
}

async fn stop(cx: &Cx, workload: &Workload) -> Result<()> {
    let grace = Duration::from_secs(workload.plan.grace.into());
    cx.runtime.stop(workload.id, version(cx, workload).await?, grace).await?;
    // The runtime may have been told, by a process that died before it noted so: then its end will be seen.
    let never_came = workload.applied.is_none()
        && !has_begun(cx, workload.id).await?
        && match cx.runtime.acknowledge(workload.id).await {
            Err(error) if error.code() == "not-done" => false,
            acknowledged => acknowledged.map(|()| true)?,
        };
    let tx = cx.store.begin().await?;
    let name = cx.store.tool_locked(&tx, workload.tool).await?;
    note_told(cx, &tx, workload, None).await?;
    if never_came {
        end(cx, &tx, workload, RunEnd::Stopped, "it was stopped before it began").await?;
        route::refresh(cx, &tx, workload.tool, name.as_ref()).await?;
    }
    cx.store.commit(tx).await?;
    cx.wake_watchers();
    Ok(())
}

/// Whether the runtime has started anything of a workload. What it was told to stop begins nothing any more.
async fn has_begun(cx: &Cx, id: WorkloadId) -> Result<bool> {
    let all = cx.runtime.observe(None, Duration::ZERO).await?;
    Ok(all.workloads.iter().any(|known| known.id == id && !known.instances.is_empty()))
}

/// Ends the runs of a workload that never came to the runtime, and the workload.
async fn end(cx: &Cx, tx: &Tx, workload: &Workload, how: RunEnd, reason: &str) -> Result<()> {
    let name = cx.store.tool_name_in(tx, workload.tool).await?;
    for before in cx.store.runs_of(tx, workload.id).await? {
        let mut run = Run { log_done: true, ..before.clone() };
        if !run.is_over() {
            outcome::over(&mut run, how, reason.to_owned(), cx.now());
            cx.store.run_put(tx, &run).await?;
        }
        cx.store.log_taken(tx, &run.id(), run.log_next, true, &run.tail).await?;
        tell::run(cx, tx, name.as_ref(), &before, &run).await?;
    }
    if let Some(mut now) = cx.store.workload_in(tx, workload.id).await? {
        now.done = true;
        cx.store.workload_save(tx, &now).await?;
    }
    cx.store.ask(tx, workload.id, cx.now()).await
}

/// Lets the runtime forget a workload that is over, once its log has been taken and its outcome is kept.
async fn forget(cx: &Cx, workload: &Workload) -> Result<()> {
    let tx = cx.store.begin().await?;
    let ending = cx.store.tool_locked(&tx, workload.tool).await?.is_none();
    let runs = cx.store.runs_of(&tx, workload.id).await?;
    drop(tx);
    if !ending && runs.iter().any(|run| !run.log_done) {
        // Whoever takes the log asks again.
        cx.wake_watchers();
        return Ok(());
    }
    cx.runtime.acknowledge(workload.id).await?;
    let tx = cx.store.begin().await?;
    cx.store.tool_locked(&tx, workload.tool).await?;
    cx.store.workload_remove(&tx, workload.id).await?;
    cx.store.commit(tx).await
}

/// Notes what is in the way. What will not get better by itself ends a run; a set is tried again and again.
async fn trouble(cx: &Cx, workload: &Workload, error: &Error) -> Result<Next> {
    let tx = cx.store.begin().await?;
    let name = cx.store.tool_locked(&tx, workload.tool).await?;
    let Some(mut now) = cx.store.workload_in(&tx, workload.id).await? else { return Ok(Next::Rest) };
    let hopeless =
        matches!(error.kind(), Kind::Invalid | Kind::Unprocessable | Kind::NotFound | Kind::TooLarge);
    let once = matches!(workload.id, WorkloadId::Run(_));
    if hopeless && once && workload.wanted && !workload.done {
        end(cx, &tx, workload, RunEnd::NotStarted, &format!("it could not be started: {error}")).await?;
        route::refresh(cx, &tx, workload.tool, name.as_ref()).await?;
        cx.store.commit(tx).await?;
        cx.wake_watchers();
        return Ok(Next::Rest);
    }
    tracing::info!(workload = %workload.id, %error, "a workload waits");
    let pause = if error.code() == "layer-missing" { 0 } else { (1_i64 << now.tries.min(9)).min(LONGEST) };
    now.tries += 1;
    now.trouble = Some(error.to_string());
    cx.store.workload_save(&tx, &now).await?;
    cx.store.commit(tx).await?;
    Ok(Next::At(cx.now() + SignedDuration::from_secs(pause)))
}

async fn version(cx: &Cx, workload: &Workload) -> Result<Version> {
    Ok(Version { epoch: cx.store.epoch().await?, generation: workload.generation })
}

/// What the runtime is told: the plan, and the tool's variables as they are now; and which state of them that is.
async fn told(cx: &Cx, workload: &Workload) -> Result<(Told, String)> {
    let Plan { job, tool, image, argv, env, cwd, user, home, memory, cpu, processes, .. } = &workload.plan;
    let Given { plain, sealed, revision } = cx.neighbours.envvars(workload.tool, job, env).await?;
    let kind = match workload.id {
        WorkloadId::Run(run) => {
            let time_limit = workload.plan.timeout.map(|seconds| Duration::from_secs(seconds.into()));
            WorkloadKind::Once { run, time_limit }
        }
        WorkloadId::Set(set) => {
            let Plan { replicas, await_ready, first, .. } = workload.plan;
            WorkloadKind::Keep { set, replicas, await_ready, first }
        }
    };
    let home = home.iter().map(|at| Mount { source: MountSource::Home, at: at.clone(), read_only: false });
    let told = Told {
        tool: workload.tool,
        version: version(cx, workload).await?,
        kind,
        isolation: Isolation::Tool,
        layers: image.layers.iter().map(|layer| layer.id).collect(),
        read_only: false,
        process: Process {
            argv: argv.clone(),
            env: plain,
            sealed,
            cwd: cwd.clone(),
            user: User { uid: user.0, gid: user.1, groups: Vec::new() },
            stop_signal: workload.plan.stop_signal,
        },
        limits: Limits { memory: *memory, cpu: *cpu, processes: *processes },
        network: Network { name: Some(job.clone()), tool: Some(tool.clone()), inside_only: false },
        mounts: home.collect(),
        grace: Duration::from_secs(workload.plan.grace.into()),
        restart: workload.plan.restart,
    };
    Ok((told, revision))
}
