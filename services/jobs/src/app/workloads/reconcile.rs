//! Reconciles workloads with the runtime: one call of the runtime per attempt, then a record of its outcome.
//! Each step may be repeated.
//!
//! | stored workload | call | outcome recorded |
//! |---|---|---|
//! | done, all logs stored | acknowledge | row deleted |
//! | done, logs still open | none | none; the log worker enqueues it again |
//! | `applied_generation` = `generation` | none | none |
//! | wanted, another generation | apply | generation applied; its run is starting |
//! | not wanted, another generation | stop | generation applied; ended if it never started |
//! | any, error that a retry cannot mend | none | a run ends as not started |
//! | any, other error | none | `last_error`; retried after a growing pause |

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use hearth_base::{Error, ErrorKind, Result, ToolId, ToolName};
use hearth_kit::{
    db::Tx,
    queue::{ItemOutcome, RetryPolicy},
};
use hearth_runtime_api::{
    ContainerUser, Feature, ImageSource, Isolation, Mount, MountSource, Network, Probes, Process,
    ResourceLimits, Rollout, RunId, SurgeUntil, Version, Workload as RuntimeWorkload, WorkloadId,
    WorkloadKind,
};
use jiff::SignedDuration;

use super::{credential, observe, probes};
use crate::{
    app::{
        routing,
        runs::{
            events::{self, RunOwner},
            outcome,
        },
    },
    context::JobsContext,
    peers::RunEnvvars,
    store::{Run, RunCredential, StoredRunEnd, Workload, WorkloadPlan},
};

/// Workloads are retried without a limit of attempts: the desired state stays desired.
pub const RETRY_POLICY: RetryPolicy = RetryPolicy {
    max_attempts: None,
    first_pause: SignedDuration::from_secs(1),
    longest_pause: SignedDuration::from_mins(5),
};

/// The outcome of a call of the runtime, to be recorded in the database.
#[derive(Debug)]
pub enum ReconcileOutcome {
    /// Nothing has to be recorded.
    Unchanged,
    /// The runtime accepted the workload with this revision of the variables and this credential. A run is starting.
    Applied { envvars_revision: String, credential: Option<RunCredential> },
    /// The runtime accepted the stop. `never_started`: no instance of it ever started.
    Stopped { never_started: bool },
    /// The runtime has deleted the workload.
    Acknowledged,
}

/// Makes the next call of the runtime for a workload, without recording its outcome. `open_log_runs` are its
/// runs whose logs are not completely stored. May be repeated.
pub async fn reconcile_workload(
    cx: &JobsContext,
    workload: &Workload,
    open_log_runs: Vec<String>,
) -> Result<ReconcileOutcome> {
    match workload {
        workload if workload.done => acknowledge_workload(cx, workload, open_log_runs).await,
        workload if workload.is_applied() => Ok(ReconcileOutcome::Unchanged),
        workload if workload.wanted => apply_workload(cx, workload).await,
        workload => stop_workload(cx, workload).await,
    }
}

async fn apply_workload(cx: &JobsContext, workload: &Workload) -> Result<ReconcileOutcome> {
    let (mut desired, envvars_revision) = build_runtime_workload(cx, workload).await?;
    let mut credential = None;
    if credential::has_place(&workload.plan) {
        let issued = credential::issue_credential(cx, workload).await?;
        credential = issued.credential;
        desired.files.push(issued.file);
    }
    match apply_with_files(cx, &mut desired).await {
        // The run ended and was acknowledged in an earlier life of this service: it must not run again.
        Err(error) if error.code() == "run-already-done" => {
            observe::record_missing(cx, workload.id).await.map(|()| ReconcileOutcome::Unchanged)
        }
        Err(error) => {
            if let Some(unused) = &credential {
                credential::revoke_token(cx, unused).await;
            }
            Err(error)
        }
        Ok(()) => {
            credential::replace_credential(cx, workload, desired.files.pop()).await;
            Ok(ReconcileOutcome::Applied { envvars_revision, credential })
        }
    }
}

/// Applies a workload; without its files if the runtime does not support them.
async fn apply_with_files(cx: &JobsContext, desired: &mut RuntimeWorkload) -> Result<()> {
    match cx.controller.apply_workload(desired).await {
        Err(error) if error.code() == Feature::RefreshedFile.to_error_code() => {
            desired.files.clear();
            cx.controller.apply_workload(desired).await
        }
        applied => applied,
    }
}

async fn stop_workload(cx: &JobsContext, workload: &Workload) -> Result<ReconcileOutcome> {
    let grace = Duration::from_secs(workload.plan.grace.into());
    cx.runtime.stop(workload.id, read_version(cx, workload).await?, grace).await?;
    // `applied_generation` is none although the runtime has the workload, if this process died before it
    // recorded that. In this case the runtime reports its end, and `observe` records the true outcome.
    let never_started = workload.applied_generation.is_none()
        && !has_instances(cx, workload.id).await?
        && match cx.runtime.acknowledge_workload(workload.id).await {
            Err(error) if error.code() == "not-done" => false,
            acknowledged => acknowledged.map(|()| true)?,
        };
    Ok(ReconcileOutcome::Stopped { never_started })
}

/// Returns whether the runtime has started an instance of a workload. After a stop was accepted, it starts
/// none.
async fn has_instances(cx: &JobsContext, id: WorkloadId) -> Result<bool> {
    let all = cx.runtime.observe_workloads(None, Duration::ZERO).await?;
    Ok(all.workloads.iter().any(|known| known.id == id && !known.instances.is_empty()))
}

/// Acknowledges an ended workload, so that the runtime deletes it with its logs; not before all of them are
/// stored.
async fn acknowledge_workload(
    cx: &JobsContext,
    workload: &Workload,
    open_log_runs: Vec<String>,
) -> Result<ReconcileOutcome> {
    if !open_log_runs.is_empty() && cx.store.find_tool_name(workload.tool).await?.is_some() {
        // The log worker enqueues the workload again when a log is complete. A deleted tool's logs are not
        // needed.
        cx.announce_runs_with_logs(open_log_runs);
        return Ok(ReconcileOutcome::Unchanged);
    }
    cx.runtime.acknowledge_workload(workload.id).await?;
    credential::revoke_credential(cx, workload).await;
    Ok(ReconcileOutcome::Acknowledged)
}

/// Records outcomes of several workloads in one transaction.
pub struct ReconcileRecorder<'a> {
    cx: &'a JobsContext,
    tx: &'a Tx,
    tool_names: BTreeMap<ToolId, ToolName>,
    /// Current rows, locked: the desired state may have changed since the call was made.
    workloads: BTreeMap<WorkloadId, Workload>,
    /// Workloads with progress to write.
    progressed: BTreeSet<WorkloadId>,
    acknowledged: Vec<WorkloadId>,
    /// Runs that the runtime accepted.
    applied_runs: Vec<RunId>,
}

impl<'a> ReconcileRecorder<'a> {
    /// Locks the rows of these workloads and of their tools.
    pub async fn load_workloads(
        cx: &'a JobsContext,
        tx: &'a Tx,
        loaded: impl Iterator<Item = &Workload> + Clone,
    ) -> Result<Self> {
        let tool_names = cx.store.lock_tool_names(tx, loaded.clone().map(|workload| workload.tool)).await?;
        let workloads = cx.store.lock_workloads(tx, loaded.map(|workload| workload.id)).await?;
        let (progressed, acknowledged, applied_runs) = Default::default();
        Ok(Self { cx, tx, tool_names, workloads, progressed, acknowledged, applied_runs })
    }

    /// Records the outcome for one workload after `failures` consecutive failures, and decides whether its
    /// queue item is finished or retried.
    pub async fn record_outcome(
        &mut self,
        workload: &Workload,
        result: &Result<ReconcileOutcome>,
        failures: u32,
    ) -> Result<ItemOutcome> {
        match result {
            Ok(ReconcileOutcome::Unchanged) => {}
            Ok(ReconcileOutcome::Applied { envvars_revision, credential }) => {
                if let WorkloadId::Run(run) = workload.id {
                    self.applied_runs.push(run);
                }
                self.record_applied(workload, Some(envvars_revision), credential.as_ref());
            }
            Ok(ReconcileOutcome::Stopped { never_started }) => {
                self.record_applied(workload, None, None);
                if *never_started {
                    self.end_unstarted(workload, StoredRunEnd::Stopped, "it was stopped before it started")
                        .await?;
                }
            }
            Ok(ReconcileOutcome::Acknowledged) => self.acknowledged.push(workload.id),
            Err(error) => return self.record_failure(workload, error, failures).await,
        }
        Ok(ItemOutcome::Finished)
    }

    /// Writes all records: one statement per table.
    pub async fn write_rows(self) -> Result<()> {
        let Self { cx, tx, workloads, progressed, acknowledged, applied_runs, .. } = self;
        cx.store.update_workload_progress(tx, progressed.iter().filter_map(|id| workloads.get(id))).await?;
        cx.store.delete_workloads(tx, &acknowledged).await?;
        cx.store.mark_runs_starting(tx, applied_runs).await
    }

    /// Records that the runtime accepted a generation; a stop keeps the recorded revision of the variables and the
    /// credential.
    fn record_applied(
        &mut self,
        workload: &Workload,
        envvars_revision: Option<&String>,
        credential: Option<&RunCredential>,
    ) {
        let Some(now) = self.workloads.get_mut(&workload.id) else { return };
        // The applied generation is the one that was loaded. If the row has a newer one by now, its own item
        // applies it.
        now.applied_generation = now.applied_generation.max(Some(workload.generation));
        now.envvars_revision = envvars_revision.cloned().or(now.envvars_revision.take());
        now.credential = credential.cloned().or(now.credential.take());
        now.last_error = None;
        self.progressed.insert(now.id);
    }

    /// Ends a workload that never started in the runtime, with its runs.
    async fn end_unstarted(&mut self, workload: &Workload, end: StoredRunEnd, reason: &str) -> Result<()> {
        let Self { cx, tx, .. } = *self;
        let name = self.tool_names.get(&workload.tool);
        let jobs = cx.store.find_jobs_by_id_in(tx, [workload.job]).await?;
        let owner = RunOwner { name, job: jobs.get(&workload.job) };
        for before in cx.store.list_workload_runs_in(tx, workload.id).await? {
            // A run that never started has no log to wait for.
            let mut run = Run { log_done: true, ..before.clone() };
            if !run.has_ended() {
                outcome::end_run(&mut run, end, reason.to_owned(), cx.now());
                cx.store.upsert_run(tx, &run).await?;
            }
            cx.store.update_log_positions(tx, [&run]).await?;
            events::append_events(cx, tx, events::build_change_events(owner, &before, &run)).await?;
        }
        // The next attempt acknowledges it and deletes its row.
        cx.store.enqueue_reconcile(tx, workload.id, cx.now()).await?;
        routing::update_routes(cx, tx, workload.tool, name).await?;
        if let Some(now) = self.workloads.get_mut(&workload.id) {
            now.done = true;
            self.progressed.insert(now.id);
        }
        Ok(())
    }

    /// Records a failure. An error that a retry cannot mend ends a run; a set is retried without a limit,
    /// because its image or variables may be corrected.
    async fn record_failure(
        &mut self,
        workload: &Workload,
        error: &Error,
        failures: u32,
    ) -> Result<ItemOutcome> {
        let is_permanent = matches!(
            error.kind(),
            ErrorKind::Invalid | ErrorKind::Unprocessable | ErrorKind::NotFound | ErrorKind::TooLarge
        );
        let is_run = matches!(workload.id, WorkloadId::Run(_));
        let Some(now) = self.workloads.get_mut(&workload.id) else {
            return Ok(ItemOutcome::Finished);
        };
        if is_permanent && is_run && workload.wanted && !workload.done {
            let reason = format!("it could not be started: {error}");
            return self
                .end_unstarted(workload, StoredRunEnd::NotStarted, &reason)
                .await
                .map(|()| ItemOutcome::Finished);
        }
        tracing::info!(workload = %workload.id, %error, "reconcile failed; will retry");
        now.last_error = Some(error.to_string());
        self.progressed.insert(now.id);
        Ok(ItemOutcome::RetryAt(self.cx.now() + RETRY_POLICY.compute_delay(failures + 1), error.clone()))
    }
}

async fn read_version(cx: &JobsContext, workload: &Workload) -> Result<Version> {
    Ok(Version { epoch: cx.store.read_epoch().await?, generation: workload.generation })
}

/// Builds the desired state for the runtime from the plan and the current variables. Returns it with the
/// revision of the variables.
async fn build_runtime_workload(cx: &JobsContext, workload: &Workload) -> Result<(RuntimeWorkload, String)> {
    let WorkloadPlan { job, tool, image, cwd, user, home, memory, cpu, processes, disk, .. } = &workload.plan;
    let RunEnvvars { plain, sealed, revision } =
        cx.peers.read_run_envvars(workload.tool, &workload.plan).await?;
    let kind = match workload.id {
        WorkloadId::Run(run) => {
            let time_limit = workload.plan.timeout.map(|seconds| Duration::from_secs(seconds.into()));
            WorkloadKind::Once { run, time_limit }
        }
        WorkloadId::Set(set) => {
            // Start counts continue after those of earlier containers, so that a runtime without a memory of
            // this set does not use one of their names again.
            let known = cx.store.list_workload_runs(workload.id).await?;
            let first = known.iter().map(|run| run.instance.start).max().unwrap_or(0).saturating_add(1);
            let (replicas, await_ready) = (workload.plan.wanted_replicas(), workload.plan.await_ready);
            // Only a probed container receives visitors who have to be drained.
            let drain = if workload.plan.is_probed() { routing::DRAIN_TIME } else { Duration::ZERO };
            let until = if await_ready { SurgeUntil::Ready } else { SurgeUntil::Running };
            let rollout = Rollout::Surge { until, most: None, min_ready: Duration::ZERO, drain };
            WorkloadKind::Keep { set, replicas, rollout, first }
        }
    };
    let home = home.iter().map(|at| Mount { source: MountSource::Home, at: at.clone(), read_only: false });
    let desired = RuntimeWorkload {
        owner: workload.plan.find_owner(workload.tool),
        version: read_version(cx, workload).await?,
        kind,
        isolation: Isolation::Tool,
        image: image.reference.parse()?,
        image_source: ImageSource::Delivered,
        read_only: false,
        process: Process {
            argv: workload.plan.select_argv().to_vec(),
            env: plain,
            sealed,
            cwd: cwd.clone(),
            user: ContainerUser { uid: user.0, gid: user.1, groups: Vec::new() },
            stop_signal: workload.plan.stop_signal,
        },
        limits: ResourceLimits { memory: *memory, cpu: *cpu, processes: *processes, disk: *disk },
        network: Network {
            name: Some(job.clone()),
            tool: Some(tool.clone()),
            without_services: workload.plan.preview.is_some(),
            ..Network::default()
        },
        mounts: home.collect(),
        files: Vec::new(),
        grace: Duration::from_secs(workload.plan.grace.into()),
        restart: workload.plan.restart,
        probes: match workload.id {
            WorkloadId::Run(_) => Probes::default(),
            WorkloadId::Set(_) => probes::build_probes(&workload.plan),
        },
    };
    Ok((desired, revision))
}
