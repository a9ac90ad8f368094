//! Launches runs and sets, and stops them. A launch writes rows and enqueues a reconcile item; the worker
//! calls the runtime.

use hearth_base::Result;
use hearth_kit::db::Tx;
use hearth_runtime_api::{InstanceId, RunId, SetId, WorkloadId};
use jiff::Timestamp;

use crate::{
    context::JobsContext,
    store::{Job, LogTail, Run, RunCause, StoredRunState, Workload, WorkloadPlan},
};

/// The cause and time of a run's start.
#[derive(Debug, Clone, Copy)]
pub struct RunStart {
    pub cause: RunCause,
    pub attempt: u32,
    /// The due time that it settles.
    pub due: Option<Timestamp>,
    /// The earliest time of its start.
    pub not_before: Timestamp,
}

impl RunStart {
    /// The first attempt, starting now.
    pub fn first_attempt(cause: RunCause, now: Timestamp) -> Self {
        Self { cause, attempt: 1, due: None, not_before: now }
    }
}

/// Launches a run of `job` and returns its id. The caller saves the job, whose newest run changes.
pub async fn launch_run(
    cx: &JobsContext,
    tx: &Tx,
    job: &mut Job,
    plan: WorkloadPlan,
    start: RunStart,
) -> Result<String> {
    let mut launches = LaunchBatch::default();
    let run = launches.add_run(cx, job, plan, start);
    launches.insert_rows(cx, tx).await?;
    Ok(run)
}

/// Runs that are launched in one transaction.
#[derive(Debug, Default)]
pub struct LaunchBatch {
    runs: Vec<(Workload, Run)>,
    to_reconcile: Vec<(WorkloadId, Timestamp)>,
}

impl LaunchBatch {
    /// Adds a run of `job` and returns its id. The caller saves the job.
    pub fn add_run(
        &mut self,
        cx: &JobsContext,
        job: &mut Job,
        plan: WorkloadPlan,
        start: RunStart,
    ) -> String {
        let id: RunId = cx.generate_id();
        let workload = Workload::new(WorkloadId::Run(id), job.tool, job.id, 1, plan);
        let run = build_run(job, InstanceId::from_run(id), start, cx.now());
        self.to_reconcile.push((workload.id, start.not_before));
        self.runs.push((workload, run));
        job.last_run = Some(id.to_string());
        id.to_string()
    }

    /// Writes workloads and runs, and enqueues their reconcile items.
    pub async fn insert_rows(self, cx: &JobsContext, tx: &Tx) -> Result<()> {
        cx.store.insert_workloads(tx, self.runs.iter().map(|(workload, _)| workload)).await?;
        cx.store.upsert_runs(tx, self.runs.iter().map(|(_, run)| run)).await?;
        cx.store.enqueue_reconciles(tx, self.to_reconcile).await
    }
}

/// Builds a waiting run.
pub fn build_run(job: &Job, instance: InstanceId, start: RunStart, now: Timestamp) -> Run {
    Run {
        instance,
        tool: job.tool,
        job: job.id,
        job_name: job.name.clone(),
        cause: start.cause,
        attempt: start.attempt,
        state: StoredRunState::Waiting,
        generation: job.generation,
        due: start.due,
        created: now,
        started: None,
        ended: None,
        end: None,
        exit_code: None,
        signal: None,
        reason: None,
        cpu_micros: 0,
        peak_memory: 0,
        cpu_counted: 0,
        address: None,
        port: job.spec.listen_port(),
        ready: false,
        log_next: 1,
        log_done: false,
        tail: LogTail::default(),
        will_retry: false,
        problem: None,
        replaced: false,
    }
}

/// Creates or changes the set of a continuous job so that it runs as `plan` says; without containers
/// while the job is paused or asleep.
pub async fn launch_set(
    cx: &JobsContext,
    tx: &Tx,
    job: &Job,
    set: SetId,
    mut plan: WorkloadPlan,
) -> Result<()> {
    let id = WorkloadId::Set(set);
    if job.paused.is_some() {
        plan.replicas = 0;
    }
    plan.is_asleep = job.asleep.is_some();
    match cx.store.find_workload_for_update(tx, id).await? {
        Some(mut known) => {
            let mut runs = cx.store.list_workload_runs_in(tx, id).await?;
            runs.retain(|run| !run.has_ended());
            // Old containers stay until new ones are ready, if any old one is: a job that is down gains
            // nothing by waiting.
            plan.await_ready = plan.is_probed() && runs.iter().any(|run| run.ready);
            if known.plan.can_reuse_containers(&plan) {
                // The runtime replaces no container, so the present runs belong to the new generation.
                for run in &mut runs {
                    if run.generation == known.generation {
                        run.generation = job.generation;
                        cx.store.upsert_run(tx, run).await?;
                    }
                }
            }
            (known.plan, known.generation) = (plan, job.generation);
            cx.store.update_workload(tx, &known).await?;
        }
        None => {
            let new = Workload::new(id, job.tool, job.id, job.generation, plan);
            cx.store.insert_workloads(tx, [&new]).await?;
        }
    }
    cx.store.enqueue_reconcile(tx, id, cx.now()).await
}

/// Marks a workload as not wanted and enqueues it. Its rows are deleted after it has ended.
pub async fn stop_workload(cx: &JobsContext, tx: &Tx, mut workload: Workload) -> Result<()> {
    if workload.wanted {
        workload.wanted = false;
        workload.generation += 1;
        cx.store.update_workload(tx, &workload).await?;
    }
    cx.store.enqueue_reconcile(tx, workload.id, cx.now()).await
}
