//! Records workload states that the runtime reports. A report may arrive twice or late: recording it again
//! changes nothing and counts nothing twice.
//!
//! A state that contains instances ([`record_states`]):
//!
//! | workload | reported | stored run | change |
//! |---|---|---|---|
//! | any | instance in a new phase | active | run updated; at its end, usage and a retry |
//! | any | instance | ended | none: the first outcome counts |
//! | set | instance | none | new run, with the count of consecutive ends |
//! | set | no instance | active | run ended as lost |
//! | run | instance | `applied_generation` is none | generation stored: it is never applied again |
//! | any | done | any | workload done; reconcile acknowledges it |
//!
//! A workload that the runtime does not have ([`record_missing`]):
//!
//! | workload | change |
//! |---|---|
//! | never applied, or done | none |
//! | wanted set | active runs lost; `applied_generation` cleared, so that reconcile applies it again |
//! | run, or set to stop | active runs lost; done; a run is retried within its limit, never applied again |

use std::collections::{BTreeMap, BTreeSet};

use hearth_base::{Result, ToolId, ToolName};
use hearth_kit::db::Tx;
use hearth_runtime_api::{InstanceState, Phase, WorkloadId, WorkloadState};
use jiff::SignedDuration;

use super::launch::{self, RunStart};
use crate::{
    app::{
        metrics, routing,
        runs::{
            events::{self, AnnouncedEvent, RunOwner},
            outcome,
        },
    },
    context::JobsContext,
    store::{Job, JobId, JobUsage, Run, RunCause, StoredRunEnd, Workload, WorkloadRef, format_run_id},
};

/// Records reported states of workloads in one transaction. Workloads of other services are ignored.
pub async fn record_states(cx: &JobsContext, states: &[WorkloadState]) -> Result<()> {
    // Owners never change, so they are read before the transaction, which locks tools before workloads.
    let refs = cx.store.find_workload_refs(states.iter().map(|state| state.id)).await?;
    if refs.is_empty() {
        return Ok(());
    }
    let tx = cx.store.begin_background().await?;
    let mut batch = ObservationBatch::load(cx, &tx, &refs).await?;
    for state in states {
        batch.observe_workload(state).await?;
    }
    let notices = batch.write_rows().await?;
    notices.commit(cx, tx).await
}

/// Records that the runtime does not have a workload that was applied to it. A run is lost and never applied
/// again; a set is applied again.
pub async fn record_missing(cx: &JobsContext, id: WorkloadId) -> Result<()> {
    let known = cx.store.find_workload_refs([id]).await?;
    let tx = cx.store.begin_background().await?;
    let mut batch = ObservationBatch::load(cx, &tx, &known).await?;
    batch.observe_missing(id).await?;
    let notices = batch.write_rows().await?;
    notices.commit(cx, tx).await
}

/// Locked workloads with their tools, jobs and runs, and the changes to write.
struct ObservationBatch<'a> {
    cx: &'a JobsContext,
    tx: &'a Tx,
    tool_names: BTreeMap<ToolId, ToolName>,
    workloads: BTreeMap<WorkloadId, Workload>,
    jobs: BTreeMap<JobId, Job>,
    runs: BTreeMap<WorkloadId, Vec<Run>>,
    /// Runs that are new or changed.
    changed_runs: BTreeMap<String, Run>,
    /// Changed runs whose logs are lost.
    lost_logs: Vec<Run>,
    /// Workloads with a new generation applied, or done.
    progressed: BTreeSet<WorkloadId>,
    /// Jobs whose newest run changed.
    jobs_with_new_run: BTreeSet<JobId>,
    /// Usage of ended runs that is not in samples yet.
    usage: BTreeMap<(ToolId, JobId), JobUsage>,
    events: Vec<AnnouncedEvent>,
    to_reconcile: BTreeSet<WorkloadId>,
    /// Tools whose route may have changed.
    tools_to_route: BTreeSet<ToolId>,
    notices: CommitNotices,
}

/// Notices that follow the commit of a transaction.
#[derive(Default)]
struct CommitNotices {
    /// Tools with a changed workload or run.
    tools: BTreeSet<ToolId>,
    /// Runs whose logs can be read now.
    started_runs: Vec<String>,
}

impl CommitNotices {
    /// Commits the transaction, unless nothing changed, and sends the notices.
    async fn commit(self, cx: &JobsContext, tx: Tx) -> Result<()> {
        if self.tools.is_empty() {
            return Ok(());
        }
        JobsContext::wake_run_watchers(&tx, self.tools);
        tx.commit().await?;
        cx.announce_runs_with_logs(self.started_runs);
        Ok(())
    }
}

impl<'a> ObservationBatch<'a> {
    async fn load(cx: &'a JobsContext, tx: &'a Tx, refs: &[WorkloadRef]) -> Result<Self> {
        // Every transaction locks tools, then jobs, then workloads: no two of them wait for each other.
        let tool_names = cx.store.lock_tool_names(tx, refs.iter().map(|known| known.tool)).await?;
        let jobs = cx.store.lock_jobs(tx, refs.iter().map(|known| known.job)).await?;
        let workloads = cx.store.lock_workloads(tx, refs.iter().map(|known| known.id)).await?;
        let mut runs: BTreeMap<WorkloadId, Vec<Run>> = BTreeMap::new();
        for run in cx.store.list_runs_of_workloads_in(tx, workloads.keys().copied()).await? {
            runs.entry(run.instance.workload).or_default().push(run);
        }
        let (changed_runs, lost_logs, progressed, jobs_with_new_run, usage) = Default::default();
        let (events, to_reconcile, tools_to_route, notices) = Default::default();
        Ok(Self {
            cx,
            tx,
            tool_names,
            workloads,
            jobs,
            runs,
            changed_runs,
            lost_logs,
            progressed,
            jobs_with_new_run,
            usage,
            events,
            to_reconcile,
            tools_to_route,
            notices,
        })
    }

    /// Writes all changes: one statement per table.
    async fn write_rows(self) -> Result<CommitNotices> {
        let Self {
            cx,
            tx,
            tool_names,
            workloads,
            jobs,
            changed_runs,
            to_reconcile,
            tools_to_route,
            notices,
            ..
        } = self;
        cx.store.upsert_runs(tx, changed_runs.values()).await?;
        cx.store.update_log_positions(tx, &self.lost_logs).await?;
        let progressed = self.progressed.iter().filter_map(|id| workloads.get(id));
        cx.store.update_workload_progress(tx, progressed).await?;
        cx.store
            .update_schedule_positions(tx, self.jobs_with_new_run.iter().filter_map(|id| jobs.get(id)))
            .await?;
        cx.store.add_samples(tx, &self.usage, cx.now()).await?;
        events::append_events(cx, tx, self.events).await?;
        cx.store.enqueue_reconciles(tx, to_reconcile.into_iter().map(|id| (id, cx.now()))).await?;
        for tool in tools_to_route {
            routing::update_routes(cx, tx, tool, tool_names.get(&tool)).await?;
        }
        Ok(notices)
    }

    /// Records one reported state; see the table at the head of this module.
    async fn observe_workload(&mut self, state: &WorkloadState) -> Result<()> {
        let Some(mut workload) = self.workloads.get(&state.id).cloned() else { return Ok(()) };
        let mut known = self.runs.remove(&state.id).unwrap_or_default();
        let newest =
            state.instances.iter().map(|instance| instance.id).max_by_key(|id| (id.start, id.replica));
        for instance in &state.instances {
            let instance = &outcome::hide_draining(instance);
            let run = known.iter().find(|run| run.instance == instance.id).cloned();
            let run = run.or_else(|| self.build_new_run(&workload, &known, instance));
            if let Some(run) = run {
                self.observe_instance(&workload, run, instance, newest == Some(instance.id)).await?;
            }
            // Later instances of the same replica count their consecutive ends from this one.
            if let Some(changed) = self.changed_runs.get(&format_run_id(instance.id)) {
                known.retain(|run| run.instance != changed.instance);
                known.push(changed.clone());
            }
        }
        let is_run = matches!(state.id, WorkloadId::Run(_));
        // The runtime removes an ended instance of a set once a few newer ones have ended: its end was not
        // seen here. The one instance of a run stays until it is acknowledged.
        for before in known.into_iter().filter(|run| !is_run && !run.has_ended()) {
            if state.instances.iter().all(|seen| seen.id != before.instance) {
                let mut lost = before.clone();
                outcome::end_run(
                    &mut lost,
                    StoredRunEnd::Lost,
                    "its end was not observed".to_owned(),
                    self.cx.now(),
                );
                lost.will_retry = workload.wanted;
                self.record_run(&workload, &before, lost);
            }
        }
        // The runtime's response to `apply` may have been lost. A run that has an instance was applied:
        // applying it again could start it twice.
        let has_started = is_run && workload.applied_generation.is_none() && !state.instances.is_empty();
        let done = state.done && !workload.done;
        if has_started {
            workload.applied_generation = Some(state.version.generation);
        }
        if has_started || done {
            workload.done |= done;
            self.mark_changed(&workload);
            self.record_progress(&workload);
        }
        if done {
            self.request_reconcile(&workload);
        }
        Ok(())
    }

    /// Records one missing workload; see the table at the head of this module.
    async fn observe_missing(&mut self, id: WorkloadId) -> Result<()> {
        let Some(mut workload) = self.workloads.get(&id).cloned() else { return Ok(()) };
        // Checked again under the lock: it may have ended, or been cleared, since it was found missing.
        if workload.done || workload.applied_generation.is_none() {
            return Ok(());
        }
        let runs = self.runs.remove(&id).unwrap_or_default();
        if workload.wanted && matches!(id, WorkloadId::Set(_)) {
            workload.applied_generation = None;
        } else {
            workload.done = true;
        }
        for before in runs {
            // Nothing more of the log can be read. Without this, the end event would wait for it forever.
            let mut run = Run { log_done: true, ..before.clone() };
            self.lost_logs.push(run.clone());
            if !run.has_ended() {
                let reason = "the machine it ran on no longer has it".to_owned();
                outcome::end_run(&mut run, StoredRunEnd::Lost, reason, self.cx.now());
                run.will_retry = will_be_retried(&workload, self.jobs.get(&workload.job), &run);
                self.launch_retry(&workload, &run).await?;
            }
            self.record_run(&workload, &before, run);
        }
        self.record_progress(&workload);
        self.request_reconcile(&workload);
        Ok(())
    }

    /// Builds the run of a set's instance that has none. Returns `None` for an ended instance whose run was
    /// deleted here: the runtime reports some ended instances for as long as it has the set.
    fn build_new_run(&self, workload: &Workload, known: &[Run], instance: &InstanceState) -> Option<Run> {
        let WorkloadId::Set(_) = workload.id else { return None };
        let now = self.cx.now();
        let replica = known.iter().filter(|run| run.instance.replica == instance.id.replica);
        let latest = replica.max_by_key(|run| run.instance.start);
        if let Phase::Ended(outcome) = &instance.phase {
            let retention = SignedDuration::from_hours(24 * i64::from(self.cx.settings.runs_kept));
            let old = now.duration_since(outcome.ended) > retention;
            if old || latest.is_some_and(|latest| latest.instance.start > instance.id.start) {
                return None;
            }
        }
        let job = self.jobs.get(&workload.job)?;
        let mut run = launch::build_run(job, instance.id, RunStart::first_attempt(RunCause::Keep, now), now);
        // Counting starts again after a change or restart of the job (another generation), a stop or a loss.
        let failed = |run: &&Run| {
            run.has_ended() && !matches!(run.end, Some(StoredRunEnd::Stopped | StoredRunEnd::Lost))
        };
        let before = latest.filter(failed).filter(|latest| latest.generation == run.generation);
        run.attempt = before.map_or(1, |before| before.count_consecutive_ends().saturating_add(1));
        Some(run)
    }

    /// Records the phase of an instance in its run, if it changed.
    async fn observe_instance(
        &mut self,
        workload: &Workload,
        mut run: Run,
        instance: &InstanceState,
        is_newest: bool,
    ) -> Result<()> {
        let before = run.clone();
        // The generations of a run's workload count its own changes; the job's generation was stored when it
        // was created.
        let is_set = matches!(workload.id, WorkloadId::Set(_));
        let generation =
            if is_set { instance.version.generation.max(run.generation) } else { run.generation };
        if !outcome::apply_instance_state(&mut run, instance, generation, &workload.plan) {
            return Ok(());
        }
        // A container that a wanted replica still needs is stopped for its replacement only.
        let is_needed = is_set && workload.wanted && instance.id.replica < workload.plan.wanted_replicas();
        if is_needed && run.end == Some(StoredRunEnd::Stopped) {
            run.replaced = true;
            run.reason = Some("it was replaced: its job was changed, deployed or restarted".to_owned());
        }
        run.will_retry = will_be_retried(workload, self.jobs.get(&workload.job), &run);
        if let Some(job) = self.jobs.get_mut(&workload.job) {
            if is_set && is_newest && job.last_run.as_deref() != Some(&*format_run_id(instance.id)) {
                job.last_run = Some(run.id());
                self.jobs_with_new_run.insert(job.id);
            }
            // A run that ended before is not changed again, so its usage is counted once.
            if run.has_ended() {
                let was_ready = instance.health.first_ready_at.is_some();
                *self.usage.entry((run.tool, run.job)).or_default() +=
                    metrics::compute_usage_at_end(&mut run, was_ready, self.cx.now());
                self.launch_retry(workload, &run).await?;
            }
        }
        // A starting instance has written nothing yet.
        if !run.log_done && !matches!(instance.phase, Phase::Starting) {
            self.notices.started_runs.push(run.id());
        }
        self.record_run(workload, &before, run);
        Ok(())
    }

    /// Launches the next attempt of a run that will be retried.
    async fn launch_retry(&mut self, workload: &Workload, run: &Run) -> Result<()> {
        let Self { cx, tx, .. } = *self;
        let is_run = matches!(workload.id, WorkloadId::Run(_));
        let Some(job) = self.jobs.get_mut(&workload.job).filter(|_| run.will_retry && is_run) else {
            return Ok(());
        };
        // The pause doubles with each attempt; the shift is bounded to avoid an overflow.
        let pause = i64::from(cx.settings.retry_pause) << (run.attempt - 1).min(10);
        let start = RunStart {
            cause: RunCause::Retry,
            attempt: run.attempt + 1,
            due: run.due,
            not_before: cx.now() + SignedDuration::from_secs(pause),
        };
        let retry_run = launch::launch_run(cx, tx, job, workload.plan.clone(), start).await?;
        // A due time is one ledger entry, however often its run is retried.
        if let Some(due) = run.due {
            cx.store.set_ledger_entry_run(tx, job.id, due, &retry_run).await?;
        }
        self.jobs_with_new_run.insert(job.id);
        Ok(())
    }

    /// Adds a changed run to the batch, with its events.
    fn record_run(&mut self, workload: &Workload, before: &Run, now: Run) {
        self.mark_changed(workload);
        let owner = RunOwner { name: self.tool_names.get(&workload.tool), job: self.jobs.get(&workload.job) };
        self.events.extend(events::build_change_events(owner, before, &now));
        self.changed_runs.insert(now.id(), now);
    }

    /// Adds a workload's progress to the batch.
    fn record_progress(&mut self, workload: &Workload) {
        self.workloads.insert(workload.id, workload.clone());
        self.progressed.insert(workload.id);
    }

    /// Enqueues a workload for reconcile.
    fn request_reconcile(&mut self, workload: &Workload) {
        self.mark_changed(workload);
        self.to_reconcile.insert(workload.id);
    }

    /// Marks a workload's tool as changed. Only containers of a page, or of a deleted job that may have been
    /// one, can change a route.
    fn mark_changed(&mut self, workload: &Workload) {
        self.notices.tools.insert(workload.tool);
        if self.jobs.get(&workload.job).is_none_or(|job| job.page.is_some()) {
            self.tools_to_route.insert(workload.tool);
        }
    }
}

/// Returns whether an ended run is followed by another attempt: a set restarts its containers unless they
/// were stopped; a failed run is retried within the job's limit.
fn will_be_retried(workload: &Workload, job: Option<&Job>, run: &Run) -> bool {
    let Some(job) = job.filter(|_| run.has_ended() && workload.wanted) else { return false };
    match workload.id {
        WorkloadId::Set(_) => run.end != Some(StoredRunEnd::Stopped),
        WorkloadId::Run(_) => {
            // A run that is not the newest was replaced by a later one, which must not be overtaken.
            let failed = !run.is_success() && run.end != Some(StoredRunEnd::Stopped);
            let newest = job.last_run.as_deref() == Some(&*run.id());
            failed && newest && run.attempt <= u32::from(workload.plan.retry)
        }
    }
}
