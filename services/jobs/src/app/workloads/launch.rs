//! Beginning something: a run, or a set that is kept running. It is a row first; a worker tells the runtime.

use hearth_base::Result;
use hearth_kit::db::Tx;
use hearth_runtime_api::{InstanceId, RunId, SetId, WorkloadId};
use jiff::Timestamp;

use crate::{
    cx::Cx,
    store::{Cause, Job, Plan, Run, RunState, Tail, Workload},
};

/// What begins a run, and when.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    pub cause: Cause,
    pub attempt: u32,
    /// When the schedule wanted it.
    pub due: Option<Timestamp>,
    /// Not before this.
    pub at: Timestamp,
}

impl Start {
    /// The first try, now.
    pub fn now(cause: Cause, now: Timestamp) -> Self {
        Self { cause, attempt: 1, due: None, at: now }
    }
}

/// Begins a run of `job`, which the caller then saves. Its id.
pub async fn run(cx: &Cx, tx: &Tx, job: &mut Job, plan: Plan, start: Start) -> Result<String> {
    let mut launches = Launches::default();
    let run = launches.add(cx, job, plan, start);
    launches.begin(cx, tx).await?;
    Ok(run)
}

/// Runs that begin together.
#[derive(Debug, Default)]
pub struct Launches {
    runs: Vec<(Workload, Run)>,
    asked: Vec<(WorkloadId, Timestamp)>,
}

impl Launches {
    /// One more, of `job`, which the caller then saves. Its id.
    pub fn add(&mut self, cx: &Cx, job: &mut Job, plan: Plan, start: Start) -> String {
        let id: RunId = cx.id();
        let workload = Workload::new(WorkloadId::Run(id), job.tool, job.id, 1, plan);
        let run = new_run(job, InstanceId::of_run(id), start, cx.now());
        self.asked.push((workload.id, start.at));
        self.runs.push((workload, run));
        job.last_run = Some(id.to_string());
        id.to_string()
    }

    /// Writes them down: workers do the rest.
    pub async fn begin(self, cx: &Cx, tx: &Tx) -> Result<()> {
        cx.store.workloads_add(tx, self.runs.iter().map(|(workload, _)| workload)).await?;
        cx.store.runs_put(tx, self.runs.iter().map(|(_, run)| run)).await?;
        cx.store.ask_all(tx, self.asked).await
    }
}

/// A run of which nothing is known yet.
pub fn new_run(job: &Job, instance: InstanceId, start: Start, now: Timestamp) -> Run {
    Run {
        instance,
        tool: job.tool,
        job: job.id,
        job_name: job.name.clone(),
        cause: start.cause,
        attempt: start.attempt,
        state: RunState::Waiting,
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
        tail: Tail::default(),
        again: false,
    }
}

/// Keeps a job's set running as `plan` says from now on; nothing of it while the job is paused.
pub async fn keep(cx: &Cx, tx: &Tx, job: &Job, set: SetId, mut plan: Plan) -> Result<()> {
    let id = WorkloadId::Set(set);
    if job.paused.is_some() {
        plan.replicas = 0;
    }
    match cx.store.workload_in(tx, id).await? {
        Some(mut known) => {
            let mut runs = cx.store.runs_of(tx, id).await?;
            runs.retain(|run| !run.is_over());
            plan.await_ready = plan.is_probed() && runs.iter().any(|run| run.ready);
            if known.plan.same_container(&plan) {
                // Nothing is replaced: what runs is of the new definition too.
                for run in &mut runs {
                    if run.generation == known.generation {
                        run.generation = job.generation;
                        cx.store.run_put(tx, run).await?;
                    }
                }
            }
            (known.plan, known.generation) = (plan, job.generation);
            cx.store.workload_save(tx, &known).await?;
        }
        None => {
            let new = Workload::new(id, job.tool, job.id, job.generation, plan);
            cx.store.workloads_add(tx, [&new]).await?;
        }
    }
    cx.store.ask(tx, id, cx.now()).await
}

/// Stops a workload; whatever is left of it is forgotten when it has ended.
pub async fn stop(cx: &Cx, tx: &Tx, mut workload: Workload) -> Result<()> {
    if workload.wanted {
        workload.wanted = false;
        workload.generation += 1;
        cx.store.workload_save(tx, &workload).await?;
    }
    cx.store.ask(tx, workload.id, cx.now()).await
}
