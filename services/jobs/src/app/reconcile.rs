//! Bringing one workload to where it should be: one step, as far as it gets now. Each step may be repeated.

use std::time::Duration;

use hearth_base::{Error, Kind, Result, Secret};
use hearth_kit::db::Tx;
use hearth_runtime_api::{
    Isolation, LayerSource, Limits, Mount, MountSource, Network, Process, User, Version, Workload as Told,
    WorkloadId, WorkloadKind,
};
use hearth_wire::jobs::{RunEnd, RunState};
use jiff::SignedDuration;

use super::{observe, outcome, route};
use crate::{
    cx::Cx,
    store::{Plan, Workload},
};

/// The longest pause between two tries.
const LONGEST: i64 = 300;

/// Where a step leaves a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// There is nothing to do until something happens.
    Rest,
    /// It is to be tried again after this pause.
    Again(SignedDuration),
}

/// Takes one step.
pub async fn step(cx: &Cx, id: WorkloadId) -> Result<Next> {
    let Some(workload) = cx.store.workload(id).await? else { return Ok(Next::Rest) };
    let stepped = match &workload {
        workload if workload.done => forget(cx, workload).await,
        workload if workload.is_told() && workload.wanted => confirm(cx, workload).await,
        workload if workload.is_told() => return Ok(Next::Rest),
        workload if workload.wanted => apply(cx, workload).await,
        workload => stop(cx, workload).await,
    };
    match stepped {
        Ok(()) => Ok(Next::Rest),
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
    let told = told(cx, workload).await?;
    if plan.await_ready {
        // What answers now goes on, however short a time ago it took over; what it replaced has no time left to
        // drain.
        tell_ready(cx, workload).await?;
    }
    match cx.runtime.apply(told).await {
        Err(error) if error.code() == "run-already-done" => return observe::missing(cx, workload.id).await,
        applied => applied?,
    }
    let tx = cx.store.begin().await?;
    cx.store.tool_locked(&tx, workload.tool).await?;
    note_told(cx, &tx, workload).await?;
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

/// Tells the runtime, after some time to drain, what is ready.
async fn confirm(cx: &Cx, workload: &Workload) -> Result<()> {
    if !matches!(workload.id, WorkloadId::Set(_)) || !workload.plan.is_probed() {
        return Ok(());
    }
    tell_ready(cx, workload).await?;
    if workload.trouble.is_some() {
        let tx = cx.store.begin().await?;
        cx.store.tool_locked(&tx, workload.tool).await?;
        note_told(cx, &tx, workload).await?;
        cx.store.commit(tx).await?;
    }
    Ok(())
}

/// Tells the runtime which containers of a set are ready, so that it stops what they replace.
async fn tell_ready(cx: &Cx, workload: &Workload) -> Result<()> {
    let tx = cx.store.begin().await?;
    let runs = cx.store.runs_of(&tx, workload.id).await?;
    drop(tx);
    for run in runs.iter().filter(|run| run.ready && !run.is_over()) {
        match cx.runtime.ready(run.instance).await {
            // It ended a moment ago.
            Err(error) if error.kind() == Kind::NotFound => {}
            told => told?,
        }
    }
    Ok(())
}

/// Notes what the runtime has been told; more may be wanted by now.
async fn note_told(cx: &Cx, tx: &Tx, workload: &Workload) -> Result<()> {
    let Some(mut now) = cx.store.workload_in(tx, workload.id).await? else { return Ok(()) };
    now.applied = now.applied.max(Some(workload.generation));
    (now.trouble, now.tries) = (None, 0);
    cx.store.workload_save(tx, &now).await
}

async fn stop(cx: &Cx, workload: &Workload) -> Result<()> {
    let grace = Duration::from_secs(workload.plan.grace.into());
    cx.runtime.stop(workload.id, version(cx, workload).await?, grace).await?;
    // The runtime may have been told, by a process that died before it noted so: then its end will be seen.
    let never_came = workload.applied.is_none() && cx.runtime.acknowledge(workload.id).await.is_ok();
    let tx = cx.store.begin().await?;
    let name = cx.store.tool_locked(&tx, workload.tool).await?;
    note_told(cx, &tx, workload).await?;
    if never_came {
        end(cx, &tx, workload, RunEnd::Stopped, "it was stopped before it began").await?;
        route::refresh(cx, &tx, workload.tool, name.as_ref()).await?;
    }
    cx.store.commit(tx).await?;
    cx.wake_watchers();
    Ok(())
}

/// Ends the runs of a workload that never came to the runtime, and the workload.
async fn end(cx: &Cx, tx: &Tx, workload: &Workload, how: RunEnd, reason: &str) -> Result<()> {
    for mut run in cx.store.runs_of(tx, workload.id).await? {
        if !run.is_over() {
            outcome::over(&mut run, how, reason.to_owned(), cx.now());
            cx.store.run_put(tx, &run).await?;
        }
        cx.store.log_taken(tx, &run.id(), run.log_next, true, &run.tail).await?;
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
    Ok(Next::Again(SignedDuration::from_secs(pause)))
}

async fn version(cx: &Cx, workload: &Workload) -> Result<Version> {
    Ok(Version { epoch: cx.store.epoch().await?, generation: workload.generation })
}

/// What the runtime is told: the plan, and the tool's variables as they are now.
async fn told(cx: &Cx, workload: &Workload) -> Result<Told> {
    let Plan { job, tool, image, argv, env, cwd, user, home, memory, cpu, processes, .. } = &workload.plan;
    let mut all = cx.neighbours.envvars(workload.tool).await?;
    all.extend(env.iter().map(|(name, value)| (name.clone(), Secret::new(value.as_str()))));
    let kind = match workload.id {
        WorkloadId::Run(run) => {
            let time_limit = workload.plan.timeout.map(|seconds| Duration::from_secs(seconds.into()));
            WorkloadKind::Once { run, time_limit }
        }
        WorkloadId::Set(set) => {
            let Plan { replicas, await_ready, .. } = workload.plan;
            WorkloadKind::Keep { set, replicas, await_ready }
        }
    };
    let home = home.iter().map(|at| Mount { source: MountSource::Home, at: at.clone(), read_only: false });
    Ok(Told {
        tool: workload.tool,
        version: version(cx, workload).await?,
        kind,
        isolation: Isolation::Tool,
        layers: image.layers.iter().map(|layer| layer.id).collect(),
        read_only: false,
        process: Process {
            argv: argv.clone(),
            env: all,
            cwd: cwd.clone(),
            user: User { uid: user.0, gid: user.1, groups: Vec::new() },
            stop_signal: 15,
        },
        limits: Limits { memory: *memory, cpu: *cpu, processes: *processes },
        network: Network { name: Some(job.clone()), tool: Some(tool.clone()), inside_only: false },
        mounts: home.collect(),
        grace: Duration::from_secs(workload.plan.grace.into()),
        restart: workload.plan.restart,
    })
}
