//! Follows a run from its start, or from wherever it is, to its end.

use std::time::Duration;

use async_trait::async_trait;
use hearth_base::{BuildId, Error, Kind, Result};
use hearth_runtime_api::{
    Cursor, End, Image, InstanceId, LogLine, Outcome, RunId, Version, Workload, WorkloadId, WorkloadState,
};
use tokio::sync::watch;

use super::run_id;
use crate::cx::Cx;

/// The version in which every run is wanted, and the one in which it is not any more.
pub const WANTED: Version = Version { epoch: 0, generation: 1 };
const UNWANTED: Version = Version { epoch: 0, generation: 2 };

/// How long one question waits for news.
const WAIT: Duration = Duration::from_secs(20);
/// Between two tries while the runtime is away.
const PAUSE: Duration = Duration::from_secs(1);
/// How long after the signal to stop a run is killed.
const GRACE: Duration = Duration::from_secs(5);

/// Whoever reads a run's lines.
#[async_trait]
pub trait Take: Send {
    /// Takes lines in. They are handed over once they are taken, or again after a restart.
    async fn take(&mut self, lines: Vec<LogLine>) -> Result<()>;
}

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
    pub async fn start(&self, workload: &Workload, image: &Image) -> Result<()> {
        let started = patiently(|| self.cx.controller.apply(workload, image)).await;
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
    pub async fn follow(&self, run: RunId, lines: &mut dyn Take) -> Result<Outcome> {
        let state = self.observe(run, |state| !state.instances.is_empty() || state.done).await?;
        if !state.instances.is_empty() {
            self.lines(run, lines).await?;
        }
        let state = self.observe(run, |state| state.done).await?;
        Ok(state.outcome().cloned().unwrap_or_else(|| {
            let stopped = state.stopping;
            Outcome { stopped, ..Outcome::bare(End::Lost, self.cx.clock.now()) }
        }))
    }

    async fn lines(&self, run: RunId, lines: &mut dyn Take) -> Result<()> {
        let mut next = 1;
        let mut stopping = self.stopping.clone();
        let mut told = false;
        loop {
            if !told && *stopping.borrow_and_update() {
                self.stop(run).await?;
                told = true;
            }
            let instance = InstanceId::of_run(run);
            let page = tokio::select! {
                page = patiently(|| self.cx.runtime.logs(instance, next, WAIT)) => page,
                Ok(()) = stopping.changed(), if !told => continue,
            };
            let page = match page {
                Ok(page) => page,
                // It never came to a log, or has lost it.
                Err(error) if error.kind() == Kind::NotFound => return Ok(()),
                Err(error) => return Err(error),
            };
            next = page.next;
            if !page.lines.is_empty() {
                lines.take(page.lines).await?;
            }
            if page.complete {
                return Ok(());
            }
        }
    }

    /// Asks a run to stop. One that was never started never will be.
    pub async fn stop(&self, run: RunId) -> Result<()> {
        patiently(|| self.cx.runtime.stop(WorkloadId::Run(run), UNWANTED, GRACE)).await
    }

    /// The run's state as soon as it is as wanted.
    async fn observe(&self, run: RunId, wanted: impl Fn(&WorkloadState) -> bool) -> Result<WorkloadState> {
        let id = WorkloadId::Run(run);
        let mut after: Option<Cursor> = None;
        let mut stopping = self.stopping.clone();
        let mut told = false;
        loop {
            if !told && *stopping.borrow_and_update() {
                self.stop(run).await?;
                told = true;
            }
            let seen = tokio::select! {
                seen = patiently(|| self.cx.runtime.observe(after, WAIT)) => seen?,
                Ok(()) = stopping.changed(), if !told => continue,
            };
            let found = seen.workloads.into_iter().find(|state| state.id == id);
            match found {
                Some(state) if wanted(&state) => return Ok(state),
                None if seen.complete || seen.gone.contains(&id) => return Err(gone(run)),
                _ => after = Some(seen.cursor),
            }
        }
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
            Err(error) if error.code() == "runtime-away" => tokio::time::sleep(PAUSE).await,
            answer => return answer,
        }
    }
}
