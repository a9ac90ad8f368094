//! Finds a run of a job, and waits for its end.

use std::time::Duration;

use hearth_base::{Error, JobName, Result};

use crate::{
    app::definition::{ToolScope, job_not_found_error},
    context::JobsContext,
    store::Run,
};

/// Returns a run of a job. `no-such-job` or `no-such-run` (not found) if there is none.
pub async fn find_run(cx: &JobsContext, scope: ToolScope<'_>, name: &JobName, id: &str) -> Result<Run> {
    let job = cx.store.find_job(scope.tool, name).await?.ok_or_else(|| job_not_found_error(name))?;
    let run = cx.store.find_run(id).await?.filter(|run| run.job == job.id && run.tool == scope.tool);
    run.ok_or_else(|| Error::not_found("run", format!("{id:.80?} of {name}")).help("hearth jobs runs"))
}

/// Waits until a run has ended and its log is stored, for `timeout` at most, and returns its present state.
pub async fn wait_for_run_end(
    cx: &JobsContext,
    scope: ToolScope<'_>,
    name: &JobName,
    id: &str,
    timeout: Duration,
) -> Result<Run> {
    let mut watch = cx.watch_runs(scope.tool, timeout);
    loop {
        let run = find_run(cx, scope, name, id).await?;
        if (run.has_ended() && run.log_done) || !watch.wait_for_change().await {
            return Ok(run);
        }
    }
}
