//! What the runtime says, kept. It may say the same twice, or late: nothing is counted twice.

use std::collections::{BTreeMap, BTreeSet};

use hearth_base::{Result, ToolId, ToolName};
use hearth_kit::db::Tx;
use hearth_runtime_api::{InstanceState, Phase, WorkloadId, WorkloadState};
use jiff::SignedDuration;

use super::launch::{self, Start};
use crate::{
    app::{
        metrics, routing,
        runs::{
            events::{self, AnnouncedEvent, RunOwner},
            outcome,
        },
    },
    cx::Cx,
    store::{Cause, Job, JobId, Known, Run, RunEnd, Use, Workload, run_id},
};

/// Keeps what the runtime says of workloads, in one change. What is not of `jobs` is left alone.
pub async fn seen(cx: &Cx, states: &[WorkloadState]) -> Result<()> {
    let ours = cx.store.workloads_known(states.iter().map(|state| state.id)).await?;
    if ours.is_empty() {
        return Ok(());
    }
    let tx = cx.store.begin_behind().await?;
    let mut change = Change::of(cx, &tx, &ours).await?;
    for state in states {
        change.seen(state).await?;
    }
    let news = change.end().await?;
    news.commit(cx, tx).await
}

/// A workload that the runtime was told of is not there any more: a run is lost and never begun again; a set is
/// to be told again.
pub async fn missing(cx: &Cx, id: WorkloadId) -> Result<()> {
    let known = cx.store.workloads_known([id]).await?;
    let tx = cx.store.begin_behind().await?;
    let mut change = Change::of(cx, &tx, &known).await?;
    change.missing(id).await?;
    let news = change.end().await?;
    news.commit(cx, tx).await
}

/// Workloads with all that belongs to them, locked; and what is different of them by now.
struct Change<'a> {
    cx: &'a Cx,
    tx: &'a Tx,
    names: BTreeMap<ToolId, ToolName>,
    workloads: BTreeMap<WorkloadId, Workload>,
    jobs: BTreeMap<JobId, Job>,
    runs: BTreeMap<WorkloadId, Vec<Run>>,
    /// Runs that are new or different.
    changed: BTreeMap<String, Run>,
    /// Those of them whose logs are lost.
    taken: Vec<Run>,
    /// Workloads that have come further.
    further: BTreeSet<WorkloadId>,
    /// Jobs that have a newer run.
    followed: BTreeSet<JobId>,
    /// What was used by what has ended.
    used: BTreeMap<(ToolId, JobId), Use>,
    events: Vec<AnnouncedEvent>,
    asked: BTreeSet<WorkloadId>,
    /// Tools whose page may be answered elsewhere now.
    routes: BTreeSet<ToolId>,
    news: News,
}

/// What there is to tell when a change has been made.
#[derive(Default)]
struct News {
    /// Tools of which a workload or a run is different.
    tools: BTreeSet<ToolId>,
    /// Runs whose logs can be taken now.
    begun: Vec<String>,
}

impl News {
    async fn commit(self, cx: &Cx, tx: Tx) -> Result<()> {
        if self.tools.is_empty() {
            return Ok(());
        }
        Cx::wake_run_watchers(&tx, self.tools);
        tx.commit().await?;
        cx.tell_begun(self.begun);
        Ok(())
    }
}

impl<'a> Change<'a> {
    async fn of(cx: &'a Cx, tx: &'a Tx, which: &[Known]) -> Result<Self> {
        let names = cx.store.tools_locked(tx, which.iter().map(|known| known.tool)).await?;
        let jobs = cx.store.jobs_locked(tx, which.iter().map(|known| known.job)).await?;
        let workloads = cx.store.workloads_locked(tx, which.iter().map(|known| known.id)).await?;
        let mut runs: BTreeMap<WorkloadId, Vec<Run>> = BTreeMap::new();
        for run in cx.store.runs_of_all(tx, workloads.keys().copied()).await? {
            runs.entry(run.instance.workload).or_default().push(run);
        }
        let (changed, taken, further, followed, used) = Default::default();
        let (events, asked, routes, news) = Default::default();
        Ok(Self {
            cx,
            tx,
            names,
            workloads,
            jobs,
            runs,
            changed,
            taken,
            further,
            followed,
            used,
            events,
            asked,
            routes,
            news,
        })
    }

    /// Writes down what is different.
    async fn end(self) -> Result<News> {
        let Self { cx, tx, names, workloads, jobs, changed, asked, routes, news, .. } = self;
        cx.store.runs_put(tx, changed.values()).await?;
        cx.store.logs_taken(tx, &self.taken).await?;
        let further = self.further.iter().filter_map(|id| workloads.get(id));
        cx.store.workloads_followed(tx, further).await?;
        cx.store.jobs_followed(tx, self.followed.iter().filter_map(|id| jobs.get(id))).await?;
        cx.store.samples_add(tx, &self.used, cx.now()).await?;
        events::append_events(cx, tx, self.events).await?;
        cx.store.ask_all(tx, asked.into_iter().map(|id| (id, cx.now()))).await?;
        for tool in routes {
            routing::refresh(cx, tx, tool, names.get(&tool)).await?;
        }
        Ok(news)
    }

    async fn seen(&mut self, state: &WorkloadState) -> Result<()> {
        let Some(mut workload) = self.workloads.get(&state.id).cloned() else { return Ok(()) };
        let mut known = self.runs.remove(&state.id).unwrap_or_default();
        let newest =
            state.instances.iter().map(|instance| instance.id).max_by_key(|id| (id.start, id.replica));
        for instance in &state.instances {
            let instance = &visible(instance);
            let run = known.iter().find(|run| run.instance == instance.id).cloned();
            let run = run.or_else(|| self.new_run(&workload, &known, instance));
            if let Some(run) = run {
                self.note(&workload, run, instance, newest == Some(instance.id)).await?;
            }
            if let Some(noted) = self.changed.get(&run_id(instance.id)) {
                known.retain(|run| run.instance != noted.instance);
                known.push(noted.clone());
            }
        }
        let is_run = matches!(state.id, WorkloadId::Run(_));
        for gone in known.into_iter().filter(|run| !is_run && !run.is_over()) {
            if state.instances.iter().all(|seen| seen.id != gone.instance) {
                let mut lost = gone.clone();
                outcome::over(&mut lost, RunEnd::Lost, "its end was not seen".to_owned(), self.cx.now());
                lost.again = workload.wanted;
                self.keep(&workload, &gone, lost);
            }
        }
        // The answer to having told it may have been lost: what has begun is never told again.
        let begun = is_run && workload.applied.is_none() && !state.instances.is_empty();
        let done = state.done && !workload.done;
        if begun {
            workload.applied = Some(state.version.generation);
        }
        if begun || done {
            workload.done |= done;
            self.mark(&workload);
            self.further(&workload);
        }
        if done {
            self.ask(&workload);
        }
        Ok(())
    }

    async fn missing(&mut self, id: WorkloadId) -> Result<()> {
        let Some(mut workload) = self.workloads.get(&id).cloned() else { return Ok(()) };
        if workload.done || workload.applied.is_none() {
            return Ok(());
        }
        let runs = self.runs.remove(&id).unwrap_or_default();
        if workload.wanted && matches!(id, WorkloadId::Set(_)) {
            workload.applied = None;
        } else {
            workload.done = true;
        }
        for before in runs {
            let mut run = Run { log_done: true, ..before.clone() };
            self.taken.push(run.clone());
            if !run.is_over() {
                let reason = "the machine it ran on does not know it any more".to_owned();
                outcome::over(&mut run, RunEnd::Lost, reason, self.cx.now());
                run.again = is_tried_again(&workload, self.jobs.get(&workload.job), &run);
                self.again(&workload, &run).await?;
            }
            self.keep(&workload, &before, run);
        }
        self.further(&workload);
        self.ask(&workload);
        Ok(())
    }

    /// A container of a set that is seen for the first time. The runtime keeps some that have ended for as long as it
    /// knows the set: those that were forgotten here are not new.
    fn new_run(&self, workload: &Workload, known: &[Run], instance: &InstanceState) -> Option<Run> {
        let WorkloadId::Set(_) = workload.id else { return None };
        let now = self.cx.now();
        let replica = known.iter().filter(|run| run.instance.replica == instance.id.replica);
        let latest = replica.max_by_key(|run| run.instance.start);
        if let Phase::Ended(outcome) = &instance.phase {
            let kept = SignedDuration::from_hours(24 * i64::from(self.cx.settings.runs_kept));
            let old = now.duration_since(outcome.ended) > kept;
            if old || latest.is_some_and(|latest| latest.instance.start > instance.id.start) {
                return None;
            }
        }
        let job = self.jobs.get(&workload.job)?;
        let mut run = launch::new_run(job, instance.id, Start::now(Cause::Keep, now), now);
        // What was changed or restarted meanwhile begins anew, and so does what was stopped.
        let failed = |run: &&Run| run.is_over() && !matches!(run.end, Some(RunEnd::Stopped | RunEnd::Lost));
        let before = latest.filter(failed).filter(|latest| latest.generation == run.generation);
        run.attempt = before.map_or(1, |before| before.ends_in_a_row().saturating_add(1));
        Some(run)
    }

    /// Notes what a container does, if that is news.
    async fn note(
        &mut self,
        workload: &Workload,
        mut run: Run,
        instance: &InstanceState,
        is_newest: bool,
    ) -> Result<()> {
        let before = run.clone();
        // A run has versions of its own; what it is of was noted when it began.
        let kept = matches!(workload.id, WorkloadId::Set(_));
        let generation = if kept { instance.version.generation.max(run.generation) } else { run.generation };
        if !outcome::note(&mut run, instance, generation, &workload.plan) {
            return Ok(());
        }
        run.again = is_tried_again(workload, self.jobs.get(&workload.job), &run);
        if let Some(job) = self.jobs.get_mut(&workload.job) {
            if kept && is_newest && job.last_run.as_deref() != Some(&*run_id(instance.id)) {
                job.last_run = Some(run.id());
                self.followed.insert(job.id);
            }
            if run.is_over() {
                *self.used.entry((run.tool, run.job)).or_default() += metrics::ended(&mut run);
                self.again(workload, &run).await?;
            }
        }
        if !run.log_done && !matches!(instance.phase, Phase::Starting) {
            self.news.begun.push(run.id());
        }
        self.keep(workload, &before, run);
        Ok(())
    }

    /// A run that is tried again gets its next try.
    async fn again(&mut self, workload: &Workload, run: &Run) -> Result<()> {
        let Self { cx, tx, .. } = *self;
        let is_run = matches!(workload.id, WorkloadId::Run(_));
        let Some(job) = self.jobs.get_mut(&workload.job).filter(|_| run.again && is_run) else {
            return Ok(());
        };
        let pause = i64::from(cx.settings.retry_pause) << (run.attempt - 1).min(10);
        let start = Start {
            cause: Cause::Retry,
            attempt: run.attempt + 1,
            due: run.due,
            at: cx.now() + SignedDuration::from_secs(pause),
        };
        let again = launch::run(cx, tx, job, workload.plan.clone(), start).await?;
        if let Some(due) = run.due {
            cx.store.ledger_retried(tx, job.id, due, &again).await?;
        }
        self.followed.insert(job.id);
        Ok(())
    }

    /// Keeps a run as it is now, and tells what that means.
    fn keep(&mut self, workload: &Workload, before: &Run, now: Run) {
        self.mark(workload);
        let of = RunOwner { name: self.names.get(&workload.tool), job: self.jobs.get(&workload.job) };
        self.events.extend(events::events_of_change(of, before, &now));
        self.changed.insert(now.id(), now);
    }

    /// Keeps how far a workload has come.
    fn further(&mut self, workload: &Workload) {
        self.workloads.insert(workload.id, workload.clone());
        self.further.insert(workload.id);
    }

    fn ask(&mut self, workload: &Workload) {
        self.mark(workload);
        self.asked.insert(workload.id);
    }

    /// Something of a workload is different now. Only a page's containers, or those of a job that is not there any
    /// more, can make a difference to visitors.
    fn mark(&mut self, workload: &Workload) {
        self.news.tools.insert(workload.tool);
        if self.jobs.get(&workload.job).is_none_or(|job| job.publish) {
            self.routes.insert(workload.tool);
        }
    }
}

/// The container as visitors see it: nobody is sent to one that drains.
fn visible(instance: &InstanceState) -> InstanceState {
    let mut visible = instance.clone();
    if visible.draining {
        (visible.health.ready, visible.health.failure) = (false, None);
    }
    visible
}

/// Whether what a run was to do is tried again: it failed and was not stopped, and its job says so, or is kept running.
fn is_tried_again(workload: &Workload, job: Option<&Job>, run: &Run) -> bool {
    let Some(job) = job.filter(|_| run.is_over() && workload.wanted) else { return false };
    match workload.id {
        WorkloadId::Set(_) => run.end != Some(RunEnd::Stopped),
        WorkloadId::Run(_) => {
            let failed = !run.is_success() && run.end != Some(RunEnd::Stopped);
            let newest = job.last_run.as_deref() == Some(&*run.id());
            failed && newest && run.attempt <= u32::from(workload.plan.retry)
        }
    }
}
