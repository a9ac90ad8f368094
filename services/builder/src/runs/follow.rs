//! Follows a run from its start, or from wherever it is, to its end.

use std::time::Duration;

use hearth_base::{BuildId, Error, Result};
use hearth_runtime_api::{
    Cursor, End, InstanceId, Outcome, RunId, Version, Workload, WorkloadId, WorkloadState,
};
use hearth_runtime_controller::{LogPump, LogSink};
use tokio::sync::watch;

use super::run_id;
use crate::cx::Cx;

/// The version in which every run is wanted, and the one in which it is not any more.
pub const WANTED: Version = Version { epoch: 0, generation: 1 };
const UNWANTED: Version = Version { epoch: 0, generation: 2 };

/// How long one question waits for news.
const WAIT: Duration = Duration::from_secs(20);
/// The codes that refuse a call while the runtime is away.
const RUNTIME_AWAY: &str = "runtime-away";
/// Between two tries while the runtime is away.
const PAUSE: Duration = Duration::from_secs(1);
/// How long after the signal to stop a run is killed.
const GRACE: Duration = Duration::from_secs(5);

/// The runs of one attempt at a build.
pub struct Runs<'a> {
    pub cx: &'a Cx,
    pub build: BuildId,
    pub attempt: u32,
    pub stopping: watch::Receiver<bool>,
}

impl Runs<'_> {
    /// The id of a step's run.
    pub fn id(&self, step: &str) -> Result<RunId> {
        run_id(self.build, self.attempt, step)
    }

    /// Starts a run unless it was started before. Whether it is asked to stop, or has been, is told by its end.
    pub async fn start_run(&self, workload: &Workload) -> Result<()> {
        let started = patiently(|| self.cx.controller.apply_workload(workload)).await;
        match started {
            // It was asked to stop by whoever had the build before.
            Err(error) if error.code() == "generation-superseded" => Ok(()),
            started => started,
        }
    }

    /// Waits until the run's program runs, so that it can be given what it needs; false when it is over already.
    pub async fn waits(&self, run: RunId) -> Result<bool> {
        let state = self.observe(run, |state| state.done || state.running().next().is_some()).await?;
        Ok(!state.done)
    }

    /// Takes the run's lines, in order, each at least once, until the last; then its end.
    pub async fn follow_run(&self, run: RunId, lines: &mut dyn LogSink) -> Result<Outcome> {
        let state = self.observe(run, |state| !state.instances.is_empty() || state.done).await?;
        if !state.instances.is_empty() {
            self.take_lines(run, lines).await?;
        }
        let state = self.observe(run, |state| state.done).await?;
        Ok(state.outcome().cloned().unwrap_or_else(|| {
            let stopped = state.stopping;
            Outcome { stopped, ..Outcome::bare(End::Lost, self.cx.clock.now()) }
        }))
    }

    async fn take_lines(&self, run: RunId, lines: &mut dyn LogSink) -> Result<()> {
        let mut pump = LogPump::new(&*self.cx.runtime, InstanceId::of_run(run), 1);
        let taken = async {
            loop {
                match pump.run(lines).await {
                    Err(error) if error.code() == RUNTIME_AWAY => tokio::time::sleep(PAUSE).await,
                    taken => return taken,
                }
            }
        };
        self.wait_and_stop(run, taken).await
    }

    /// Waits for something of a run. When the build is asked to stop meanwhile, so is the run, and the wait goes on.
    async fn wait_and_stop<T>(&self, run: RunId, wait: impl Future<Output = Result<T>>) -> Result<T> {
        let mut stopping = self.stopping.clone();
        let stopped = async {
            let is_stopping = stopping.wait_for(|stopping| *stopping).await.is_ok();
            if !is_stopping {
                // Nobody is left who could ask for it.
                std::future::pending::<()>().await;
            }
            match self.stop(run).await {
                Ok(()) => std::future::pending().await,
                Err(error) => error,
            }
        };
        tokio::select! {
            biased;
            error = stopped => Err(error),
            waited = wait => waited,
        }
    }

    /// Asks a run to stop. One that was never started never will be.
    pub async fn stop(&self, run: RunId) -> Result<()> {
        patiently(|| self.cx.runtime.stop(WorkloadId::Run(run), UNWANTED, GRACE)).await
    }

    /// The run's state as soon as it is as wanted.
    async fn observe(&self, run: RunId, wanted: impl Fn(&WorkloadState) -> bool) -> Result<WorkloadState> {
        let id = WorkloadId::Run(run);
        let seen = async {
            let mut after: Option<Cursor> = None;
            loop {
                let seen = patiently(|| self.cx.runtime.observe(after, WAIT)).await?;
                let found = seen.workloads.into_iter().find(|state| state.id == id);
                match found {
                    Some(state) if wanted(&state) => return Ok(state),
                    None if seen.complete || seen.gone.contains(&id) => return Err(gone(run)),
                    _ => after = Some(seen.cursor),
                }
            }
        };
        self.wait_and_stop(run, seen).await
    }
}

fn gone(run: RunId) -> Error {
    Error::conflict("run-gone", format!("the run {run} is known no more"))
}

/// Asks until the runtime answers: what runs goes on while it is away.
async fn patiently<T, F>(ask: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    loop {
        match ask().await {
            Err(error) if error.code() == RUNTIME_AWAY => tokio::time::sleep(PAUSE).await,
            answer => return answer,
        }
    }
}
