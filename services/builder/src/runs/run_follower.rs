//! Start, observation and stop of a build's runs.

use std::time::Duration;

use hearth_base::{BuildId, Error, Result};
use hearth_runtime_api::{
    ContainerOutcome, Cursor, InstanceId, RunId, Termination, Version, Workload, WorkloadId, WorkloadState,
};
use hearth_runtime_controller::{LogPump, LogSink};
use tokio::sync::watch;

use super::derive_run_id;
use crate::context::BuilderContext;

/// Version of a run that is to run, and version that stops it.
pub const RUNNING_VERSION: Version = Version { epoch: 0, generation: 1 };
const STOPPED_VERSION: Version = Version { epoch: 0, generation: 2 };

/// Longest wait of one observation.
const OBSERVE_WAIT: Duration = Duration::from_secs(20);
/// Error code of a call while the runtime is unavailable.
const RUNTIME_UNAVAILABLE_CODE: &str = "runtime-unavailable";
/// Delay before a retry while the runtime is unavailable.
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// Time between the stop signal and the kill.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// Runs of one attempt at a build.
pub struct AttemptRuns<'a> {
    pub cx: &'a BuilderContext,
    pub build: BuildId,
    pub attempt: u32,
    pub stopping: watch::Receiver<bool>,
}

impl AttemptRuns<'_> {
    /// Returns the id of a step's run.
    pub fn run_id(&self, step: &str) -> Result<RunId> {
        derive_run_id(self.build, self.attempt, step)
    }

    /// Starts a run, unless it has been started or stopped already; its outcome tells which.
    pub async fn start_run(&self, workload: &Workload) -> Result<()> {
        let started = retry_while_away(|| self.cx.controller.apply_workload(workload)).await;
        match started {
            // An earlier builder has stopped the run.
            Err(error) if error.code() == "generation-superseded" => Ok(()),
            started => started,
        }
    }

    /// Waits until the run's program is running, so that its files can be supplied; false when it has already
    /// ended.
    pub async fn wait_until_running(&self, run: RunId) -> Result<bool> {
        let state =
            self.observe_until(run, |state| state.done || state.running_instances().next().is_some()).await?;
        Ok(!state.done)
    }

    /// Forwards the run's lines in order, each at least once. Returns the run's outcome.
    pub async fn follow_run(&self, run: RunId, lines: &mut dyn LogSink) -> Result<ContainerOutcome> {
        let state = self.observe_until(run, |state| !state.instances.is_empty() || state.done).await?;
        if !state.instances.is_empty() {
            self.forward_lines(run, lines).await?;
        }
        let state = self.observe_until(run, |state| state.done).await?;
        Ok(state.outcome().cloned().unwrap_or_else(|| {
            let stopped = state.stopping;
            ContainerOutcome { stopped, ..ContainerOutcome::from_end(Termination::Lost, self.cx.clock.now()) }
        }))
    }

    async fn forward_lines(&self, run: RunId, lines: &mut dyn LogSink) -> Result<()> {
        let mut pump = LogPump::new(&*self.cx.runtime, InstanceId::from_run(run), 1);
        let forwarded = async {
            loop {
                match pump.run(lines).await {
                    Err(error) if error.code() == RUNTIME_UNAVAILABLE_CODE => {
                        tokio::time::sleep(RETRY_DELAY).await
                    }
                    forwarded => return forwarded,
                }
            }
        };
        self.wait_and_stop(run, forwarded).await
    }

    /// Waits for a future about a run. When the build is asked to stop meanwhile, the run is stopped and the
    /// wait continues.
    async fn wait_and_stop<T>(&self, run: RunId, wait: impl Future<Output = Result<T>>) -> Result<T> {
        let mut stopping = self.stopping.clone();
        let stopped = async {
            let is_stopping = stopping.wait_for(|stopping| *stopping).await.is_ok();
            if !is_stopping {
                // The sender is dropped: no stop request can come.
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

    /// Stops a run. A run that was not started cannot be started afterwards.
    pub async fn stop(&self, run: RunId) -> Result<()> {
        retry_while_away(|| self.cx.runtime.stop(WorkloadId::Run(run), STOPPED_VERSION, STOP_GRACE)).await
    }

    /// Waits until the run's state satisfies a condition.
    async fn observe_until(
        &self,
        run: RunId,
        condition: impl Fn(&WorkloadState) -> bool,
    ) -> Result<WorkloadState> {
        let id = WorkloadId::Run(run);
        let observed = async {
            let mut after: Option<Cursor> = None;
            loop {
                let observation =
                    retry_while_away(|| self.cx.runtime.observe_workloads(after, OBSERVE_WAIT)).await?;
                let found = observation.workloads.into_iter().find(|state| state.id == id);
                match found {
                    Some(state) if condition(&state) => return Ok(state),
                    None if observation.complete || observation.removed.contains(&id) => {
                        return Err(build_missing_run_error(run));
                    }
                    _ => after = Some(observation.cursor),
                }
            }
        };
        self.wait_and_stop(run, observed).await
    }
}

fn build_missing_run_error(run: RunId) -> Error {
    Error::conflict("run-gone", format!("the run {run} no longer exists"))
}

/// Repeats a call until the runtime is available; runs continue while it is not.
async fn retry_while_away<T, F>(call: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    loop {
        match call().await {
            Err(error) if error.code() == RUNTIME_UNAVAILABLE_CODE => tokio::time::sleep(RETRY_DELAY).await,
            answer => return answer,
        }
    }
}
