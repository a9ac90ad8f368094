//! Bringing a workload to where it should be, a step at a time: what is done with the runtime, and what is noted of
//! that. Each step may be repeated.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use hearth_base::{Error, Kind, Result, ToolId, ToolName};
use hearth_kit::{
    db::Tx,
    queue::{NextTurn, RetryPolicy},
};
use hearth_runtime_api::{
    ImageSource, Isolation, Limits, Mount, MountSource, Network, Probes, Process, Rollout, RunId, SurgeUntil,
    User, Version, Workload as Told, WorkloadId, WorkloadKind,
};
use jiff::SignedDuration;

use super::{observe, probes};
use crate::{
    app::{
        routing,
        runs::{
            events::{self, RunOwner},
            outcome,
        },
    },
    cx::Cx,
    neighbours::Given,
    store::{Plan, Run, RunEnd, Workload},
};

/// A workload is never given up: what is wanted stays wanted.
pub const RETRY_POLICY: RetryPolicy = RetryPolicy {
    max_attempts: None,
    first_pause: SignedDuration::from_secs(1),
    longest_pause: SignedDuration::from_mins(5),
};

/// What was done outside of the database, to be noted in it.
#[derive(Debug)]
pub enum Act {
    /// Nothing that has to be noted.
    Nothing,
    /// The runtime has been told of it, with this state of the variables. A run of it is starting.
    Told { envvars: String },
    /// The runtime has been told to stop it; it may never have come there.
    Stopped { never_came: bool },
    /// The runtime has forgotten it.
    Forgotten,
}

/// Does what a workload needs next, but for noting it. Of these runs of it the logs have not been taken to their ends.
/// May be repeated.
pub async fn act(cx: &Cx, workload: &Workload, untaken: Vec<String>) -> Result<Act> {
    match workload {
        workload if workload.done => forget(cx, workload, untaken).await,
        workload if workload.is_told() => Ok(Act::Nothing),
        workload if workload.wanted => apply(cx, workload).await,
        workload => stop(cx, workload).await,
    }
}

async fn apply(cx: &Cx, workload: &Workload) -> Result<Act> {
    let (told, envvars) = told(cx, workload).await?;
    match cx.controller.apply_workload(&told).await {
        Err(error) if error.code() == "run-already-done" => {
            observe::missing(cx, workload.id).await.map(|()| Act::Nothing)
        }
        applied => applied.map(|()| Act::Told { envvars }),
    }
}

async fn stop(cx: &Cx, workload: &Workload) -> Result<Act> {
    let grace = Duration::from_secs(workload.plan.grace.into());
    cx.runtime.stop(workload.id, version(cx, workload).await?, grace).await?;
    // The runtime may have been told, by a process that died before it noted so: then its end will be seen.
    let never_came = workload.applied.is_none()
        && !has_begun(cx, workload.id).await?
        && match cx.runtime.acknowledge(workload.id).await {
            Err(error) if error.code() == "not-done" => false,
            acknowledged => acknowledged.map(|()| true)?,
        };
    Ok(Act::Stopped { never_came })
}

/// Whether the runtime has started anything of a workload. What it was told to stop begins nothing any more.
async fn has_begun(cx: &Cx, id: WorkloadId) -> Result<bool> {
    let all = cx.runtime.observe(None, Duration::ZERO).await?;
    Ok(all.workloads.iter().any(|known| known.id == id && !known.instances.is_empty()))
}

/// Lets the runtime forget a workload that is over, once its log has been taken and its outcome is kept.
async fn forget(cx: &Cx, workload: &Workload, untaken: Vec<String>) -> Result<Act> {
    if !untaken.is_empty() && cx.store.tool_name(workload.tool).await?.is_some() {
        // Whoever takes the log asks again.
        cx.tell_begun(untaken);
        return Ok(Act::Nothing);
    }
    cx.runtime.acknowledge(workload.id).await?;
    Ok(Act::Forgotten)
}

/// Steps that were taken, noted in one change.
pub struct Notes<'a> {
    cx: &'a Cx,
    tx: &'a Tx,
    names: BTreeMap<ToolId, ToolName>,
    /// As they are now, locked: more may be wanted of them than when the steps began.
    workloads: BTreeMap<WorkloadId, Workload>,
    /// Those that have come further.
    further: BTreeSet<WorkloadId>,
    forgotten: Vec<WorkloadId>,
    /// Runs that the runtime has been told of.
    told: Vec<RunId>,
}

impl<'a> Notes<'a> {
    /// None yet, of these workloads.
    pub async fn of(cx: &'a Cx, tx: &'a Tx, which: impl Iterator<Item = &Workload> + Clone) -> Result<Self> {
        let names = cx.store.tools_locked(tx, which.clone().map(|workload| workload.tool)).await?;
        let workloads = cx.store.workloads_locked(tx, which.map(|workload| workload.id)).await?;
        let (further, forgotten, told) = Default::default();
        Ok(Self { cx, tx, names, workloads, further, forgotten, told })
    }

    /// Notes what was done for a workload, after so many failures in a row. What went wrong is tried again, unless it
    /// will not get better by itself: that ends a run.
    pub async fn note(
        &mut self,
        workload: &Workload,
        acted: &Result<Act>,
        failures: u32,
    ) -> Result<NextTurn> {
        match acted {
            Ok(Act::Nothing) => {}
            Ok(Act::Told { envvars }) => {
                if let WorkloadId::Run(run) = workload.id {
                    self.told.push(run);
                }
                self.told(workload, Some(envvars));
            }
            Ok(Act::Stopped { never_came }) => {
                self.told(workload, None);
                if *never_came {
                    self.over(workload, RunEnd::Stopped, "it was stopped before it began").await?;
                }
            }
            Ok(Act::Forgotten) => self.forgotten.push(workload.id),
            Err(error) => return self.trouble(workload, error, failures).await,
        }
        Ok(NextTurn::Finished)
    }

    /// Writes them down.
    pub async fn write(self) -> Result<()> {
        let Self { cx, tx, workloads, further, forgotten, told, .. } = self;
        cx.store.workloads_followed(tx, further.iter().filter_map(|id| workloads.get(id))).await?;
        cx.store.workloads_remove(tx, &forgotten).await?;
        cx.store.runs_starting(tx, told).await
    }

    /// The runtime has been told of a workload, with this state of the variables when that is known.
    fn told(&mut self, workload: &Workload, envvars: Option<&String>) {
        let Some(now) = self.workloads.get_mut(&workload.id) else { return };
        now.applied = now.applied.max(Some(workload.generation));
        now.envvars = envvars.cloned().or(now.envvars.take());
        now.trouble = None;
        self.further.insert(now.id);
    }

    /// Ends the runs of a workload that never came to the runtime, and the workload.
    async fn over(&mut self, workload: &Workload, how: RunEnd, reason: &str) -> Result<()> {
        let Self { cx, tx, .. } = *self;
        let name = self.names.get(&workload.tool);
        let jobs = cx.store.jobs_by_id_in(tx, [workload.job]).await?;
        let of = RunOwner { name, job: jobs.get(&workload.job) };
        for before in cx.store.runs_of(tx, workload.id).await? {
            let mut run = Run { log_done: true, ..before.clone() };
            if !run.is_over() {
                outcome::over(&mut run, how, reason.to_owned(), cx.now());
                cx.store.run_put(tx, &run).await?;
            }
            cx.store.logs_taken(tx, [&run]).await?;
            events::append_events(cx, tx, events::events_of_change(of, &before, &run)).await?;
        }
        cx.store.ask(tx, workload.id, cx.now()).await?;
        routing::refresh(cx, tx, workload.tool, name).await?;
        if let Some(now) = self.workloads.get_mut(&workload.id) {
            now.done = true;
            self.further.insert(now.id);
        }
        Ok(())
    }

    /// Notes what is in the way. What will not get better by itself ends a run; a set is tried again and again.
    async fn trouble(&mut self, workload: &Workload, error: &Error, failures: u32) -> Result<NextTurn> {
        let hopeless =
            matches!(error.kind(), Kind::Invalid | Kind::Unprocessable | Kind::NotFound | Kind::TooLarge);
        let once = matches!(workload.id, WorkloadId::Run(_));
        let Some(now) = self.workloads.get_mut(&workload.id) else {
            return Ok(NextTurn::Finished);
        };
        if hopeless && once && workload.wanted && !workload.done {
            let reason = format!("it could not be started: {error}");
            return self.over(workload, RunEnd::NotStarted, &reason).await.map(|()| NextTurn::Finished);
        }
        tracing::info!(workload = %workload.id, %error, "reconcile failed; will retry");
        now.trouble = Some(error.to_string());
        self.further.insert(now.id);
        Ok(NextTurn::RetryAt(self.cx.now() + RETRY_POLICY.pause(failures + 1), error.clone()))
    }
}

async fn version(cx: &Cx, workload: &Workload) -> Result<Version> {
    Ok(Version { epoch: cx.store.epoch().await?, generation: workload.generation })
}

/// What the runtime is told: the plan, and the tool's variables as they are now; and which state of them that is.
async fn told(cx: &Cx, workload: &Workload) -> Result<(Told, String)> {
    let Plan { job, tool, image, argv, env, cwd, user, home, memory, cpu, processes, disk, .. } =
        &workload.plan;
    let Given { plain, sealed, revision } = cx.neighbours.envvars(workload.tool, job, env).await?;
    let kind = match workload.id {
        WorkloadId::Run(run) => {
            let time_limit = workload.plan.timeout.map(|seconds| Duration::from_secs(seconds.into()));
            WorkloadKind::Once { run, time_limit }
        }
        WorkloadId::Set(set) => {
            // A runtime that knows nothing of it any more goes on behind what another began.
            let known = cx.store.runs_now(workload.id).await?;
            let first = known.iter().map(|run| run.instance.start).max().unwrap_or(0).saturating_add(1);
            let Plan { replicas, await_ready, .. } = workload.plan;
            let drain = if workload.plan.is_probed() { routing::DRAIN_TIME } else { Duration::ZERO };
            let until = if await_ready { SurgeUntil::Ready } else { SurgeUntil::Running };
            let rollout = Rollout::Surge { until, most: None, min_ready: Duration::ZERO, drain };
            WorkloadKind::Keep { set, replicas, rollout, first }
        }
    };
    let home = home.iter().map(|at| Mount { source: MountSource::Home, at: at.clone(), read_only: false });
    let told = Told {
        owner: workload.tool.into(),
        version: version(cx, workload).await?,
        kind,
        isolation: Isolation::Tool,
        image: image.reference.parse()?,
        image_source: ImageSource::Delivered,
        read_only: false,
        process: Process {
            argv: argv.clone(),
            env: plain,
            sealed,
            cwd: cwd.clone(),
            user: User { uid: user.0, gid: user.1, groups: Vec::new() },
            stop_signal: workload.plan.stop_signal,
        },
        limits: Limits { memory: *memory, cpu: *cpu, processes: *processes, disk: *disk },
        network: Network { name: Some(job.clone()), tool: Some(tool.clone()), ..Network::default() },
        mounts: home.collect(),
        files: Vec::new(),
        grace: Duration::from_secs(workload.plan.grace.into()),
        restart: workload.plan.restart,
        probes: match workload.id {
            WorkloadId::Run(_) => Probes::default(),
            WorkloadId::Set(_) => probes::make_probes(&workload.plan),
        },
    };
    Ok((told, revision))
}
