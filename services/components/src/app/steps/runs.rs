//! Runs and definitions of jobs, as the steps read them.

use hearth_base::{JobName, PageLimit, Result};
use hearth_kit::DelegatedClient;
use hearth_wire::{
    jobs::{Run, RunEnd, RunState},
    reply::Paging,
};

/// Lists the newest runs of a job, the newest first.
pub async fn list_newest_runs(jobs: &DelegatedClient, name: &JobName) -> Result<Vec<Run>> {
    let paging = Paging { limit: PageLimit::new(20)?, cursor: None };
    Ok(jobs.client.jobs().list_runs(&jobs.tool, name, &paging).await?.runs)
}

/// True if the run ended without a stop request.
pub fn ended_by_itself(run: &Run) -> bool {
    run.state == RunState::Ended && run.end != Some(RunEnd::Stopped)
}
