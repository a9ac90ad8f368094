//! What the runtime says, kept. It may say the same twice, or late: nothing is counted twice.

use hearth_base::{Result, ToolName};
use hearth_kit::db::Tx;
use hearth_runtime_api::{InstanceState, Phase, WorkloadId, WorkloadState};
use hearth_wire::jobs::RunEnd;
use jiff::SignedDuration;

use super::{
    launch::{self, Start},
    metrics, outcome, route, tell,
};
use crate::{
    cx::Cx,
    store::{Cause, Job, Run, Workload, run_id},
};

/// Keeps what the runtime says of a workload. One that is not of `jobs` is left alone.
pub async fn seen(cx: &Cx, state: &WorkloadState) -> Result<()> {
    if cx.store.workload(state.id).await?.is_none() {
        return Ok(());
    }
    let tx = cx.store.begin().await?;
    let name = cx.store.tool_locked(&tx, state.tool).await?;
    let Some(mut workload) = cx.store.workload_in(&tx, state.id).await? else { return Ok(()) };
    let mut job = cx.store.job_by_id_in(&tx, workload.job).await?;
    let mut known = cx.store.runs_of(&tx, state.id).await?;
    let newest = state.instances.iter().map(|instance| instance.id).max_by_key(|id| (id.start, id.replica));
    // After its own restart the runtime does not know what it was told of this.
    let untold = |run: &Run| state.instances.iter().any(|seen| seen.id == run.instance && !seen.ready);
    let on = On { cx, tx: &tx, workload: workload.clone(), name: name.as_ref() };
    let ready = workload.plan.is_probed() && known.iter().any(|run| run.ready && untold(run));
    let doomed = known.iter().any(|run| run.doomed.is_some() && !run.is_over());
    let mut changed = workload.is_told() && (ready || doomed);
    if changed {
        cx.store.ask(&tx, state.id, cx.now()).await?;
    }
    for instance in &state.instances {
        let run = known.iter().find(|run| run.instance == instance.id).cloned();
        let run = run.or_else(|| new(cx, &workload, job.as_ref(), &known, instance));
        let Some(run) = run else { continue };
        let is_newest = newest == Some(instance.id);
        if let Some(noted) = on.note(&mut job, run, instance, is_newest).await? {
            known.retain(|run| run.instance != noted.instance);
            known.push(noted);
            changed = true;
        }
    }
    for gone in known.into_iter().filter(|run| !run.is_over()) {
        if matches!(state.id, WorkloadId::Set(_))
            && state.instances.iter().all(|seen| seen.id != gone.instance)
        {
            let mut lost = gone.clone();
            outcome::over(&mut lost, RunEnd::Lost, "its end was not seen".to_owned(), cx.now());
            lost.again = workload.wanted;
            cx.store.run_put(&tx, &lost).await?;
            tell::run(cx, &tx, name.as_ref(), &gone, &lost).await?;
            changed = true;
        }
    }
    // The answer to having told it may have been lost: what has begun is never told again.
    let is_run = matches!(state.id, WorkloadId::Run(_));
    let begun = is_run && workload.applied.is_none() && !state.instances.is_empty();
    let done = state.done && !workload.done;
    if begun {
        workload.applied = Some(state.version.generation);
    }
    if begun || done {
        workload.done |= done;
        cx.store.workload_save(&tx, &workload).await?;
        changed = true;
    }
    if done {
        cx.store.ask(&tx, workload.id, cx.now()).await?;
    }
    finish(cx, tx, &workload, name.as_ref(), changed).await
}

/// A workload that the runtime was told of is not there any more: a run is lost and never begun again; a set is
/// to be told again.
pub async fn missing(cx: &Cx, id: WorkloadId) -> Result<()> {
    let Some(seen) = cx.store.workload(id).await? else { return Ok(()) };
    let tx = cx.store.begin().await?;
    let name = cx.store.tool_locked(&tx, seen.tool).await?;
    let Some(mut workload) = cx.store.workload_in(&tx, id).await? else { return Ok(()) };
    if workload.done || workload.applied.is_none() {
        return Ok(());
    }
    let runs = cx.store.runs_of(&tx, id).await?;
    if workload.wanted && matches!(id, WorkloadId::Set(_)) {
        workload.applied = None;
        let latest = runs.iter().map(|run| run.instance.start).max().unwrap_or(0);
        workload.plan.first = workload.plan.first.max(latest.saturating_add(1));
    } else {
        workload.done = true;
    }
    let job = cx.store.job_by_id_in(&tx, workload.job).await?;
    for before in runs {
        let mut run = Run { log_done: true, ..before.clone() };
        cx.store.log_taken(&tx, &run.id(), run.log_next, true, &run.tail).await?;
        if !run.is_over() {
            let reason = "the machine it ran on does not know it any more".to_owned();
            outcome::over(&mut run, RunEnd::Lost, reason, cx.now());
            run.again = is_tried_again(&workload, job.as_ref(), &run);
            cx.store.run_put(&tx, &run).await?;
            after(cx, &tx, &workload, job.clone(), &run).await?;
        }
        tell::run(cx, &tx, name.as_ref(), &before, &run).await?;
    }
    cx.store.workload_save(&tx, &workload).await?;
    cx.store.ask(&tx, id, cx.now()).await?;
    finish(cx, tx, &workload, name.as_ref(), true).await
}

async fn finish(cx: &Cx, tx: Tx, workload: &Workload, name: Option<&ToolName>, changed: bool) -> Result<()> {
    if !changed {
        return Ok(());
    }
    route::refresh(cx, &tx, workload.tool, name).await?;
    cx.store.commit(tx).await?;
    cx.wake_watchers();
    Ok(())
}

/// A container of a set that is seen for the first time. The runtime keeps some that have ended for as long as it knows
/// the set: those that were forgotten here are not new.
fn new(
    cx: &Cx,
    workload: &Workload,
    job: Option<&Job>,
    known: &[Run],
    instance: &InstanceState,
) -> Option<Run> {
    let WorkloadId::Set(_) = workload.id else { return None };
    let replica = known.iter().filter(|run| run.instance.replica == instance.id.replica);
    let latest = replica.max_by_key(|run| run.instance.start);
    if let Phase::Ended(outcome) = &instance.phase {
        let kept = SignedDuration::from_hours(24 * i64::from(cx.settings.runs_kept));
        let old = cx.now().duration_since(outcome.ended) > kept;
        if old || latest.is_some_and(|latest| latest.instance.start > instance.id.start) {
            return None;
        }
    }
    let mut run = launch::new_run(job?, instance.id, Start::now(Cause::Keep, cx.now()), cx.now());
    // What was changed or restarted meanwhile begins anew, and so does what was stopped.
    let failed = |run: &&Run| run.is_over() && !matches!(run.end, Some(RunEnd::Stopped | RunEnd::Lost));
    let before = latest.filter(failed).filter(|latest| latest.generation == run.generation);
    run.attempt = before.map_or(1, |before| before.ends_in_a_row().saturating_add(1));
    Some(run)
}

/// What a workload's containers are noted on.
struct On<'a> {
    cx: &'a Cx,
    tx: &'a Tx,
    workload: Workload,
    name: Option<&'a ToolName>,
}

impl On<'_> {
    /// Notes what a container does; its run, if that is news.
    async fn note(
        &self,
        job: &mut Option<Job>,
        mut run: Run,
        instance: &InstanceState,
        is_newest: bool,
    ) -> Result<Option<Run>> {
        let Self { cx, tx, workload, name } = self;
        let before = run.clone();
        // A run has versions of its own; what it is of was noted when it began.
        let generation = match workload.id {
            WorkloadId::Set(_) => instance.version.generation.max(run.generation),
            WorkloadId::Run(_) => run.generation,
        };
        if !outcome::note(&mut run, &instance.phase, generation, &workload.plan) {
            return Ok(None);
        }
        run.again = is_tried_again(workload, job.as_ref(), &run);
        cx.store.run_put(tx, &run).await?;
        let kept = matches!(workload.id, WorkloadId::Set(_));
        if let Some(job) = job.as_mut().filter(|_| kept && is_newest)
            && job.last_run.as_deref() != Some(&*run_id(instance.id))
        {
            job.last_run = Some(run.id());
            cx.store.job_save(tx, job).await?;
        }
        if run.is_over() {
            if job.is_some() {
                metrics::ended(cx, tx, &run).await?;
            }
            after(cx, tx, workload, job.clone(), &run).await?;
        }
        tell::run(cx, tx, *name, &before, &run).await?;
        Ok(Some(run))
    }
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

/// A run that is tried again gets its next try.
async fn after(cx: &Cx, tx: &Tx, workload: &Workload, job: Option<Job>, run: &Run) -> Result<()> {
    let Some(mut job) = job.filter(|_| run.again && matches!(workload.id, WorkloadId::Run(_))) else {
        return Ok(());
    };
    let pause = i64::from(cx.settings.retry_pause) << (run.attempt - 1).min(10);
    let start = Start {
        cause: Cause::Retry,
        attempt: run.attempt + 1,
        due: run.due,
        at: cx.now() + SignedDuration::from_secs(pause),
    };
    let again = launch::run(cx, tx, &mut job, workload.plan.clone(), start).await?;
    if let Some(due) = run.due {
        cx.store.ledger_retried(tx, job.id, due, &again).await?;
    }
    cx.store.job_save(tx, &job).await
}
