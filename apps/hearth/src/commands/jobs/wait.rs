//! Waiting for the end of a job's run.

use std::time::Duration;

use hearth_base::{Error, JobName, Result};
use hearth_wire::jobs::{Job, JobsQuery, RunQuery, StatusShort, WaitSeconds};

use crate::{context::CommandContext, tool_session::ToolSession};

/// The code of the error after the time limit.
pub const STILL_RUNNING_CODE: &str = "still-running";

/// Waits for the end of the job's last run, at most `limit`; an error when the run failed.
pub async fn wait_for_job_end(
    cx: &CommandContext,
    session: &ToolSession<'_>,
    name: &JobName,
    limit: Duration,
) -> Result<Job> {
    let mut steps = cx.printer.open_steps();
    steps.begin_step("run");
    let over = async {
        loop {
            let job = session
                .send(session.client().jobs().show(session.tool_name(), name, &JobsQuery::default()))
                .await?;
            let run = match (job.status.short, &job.status.run) {
                (StatusShort::Succeeded | StatusShort::Failed, _) | (_, None) => return Ok(job),
                (_, Some(run)) => run.clone(),
            };
            // The long poll answers at the end of the run, or after its wait. The loop then reads the job
            // again, which may be over or in a retry.
            let query = RunQuery { wait: Some(WaitSeconds::MAX_WAIT) };
            session.client().jobs().show_run(session.tool_name(), name, &run, &query).await?;
        }
    };
    let Ok(over) = steps.wait_for(tokio::time::timeout(limit, over)).await else {
        steps.mark_failed("still running");
        let sentence = format!("{name} has not ended after {} s and continues", limit.as_secs());
        return Err(Error::conflict(STILL_RUNNING_CODE, sentence).help(format!("hearth logs -f {name}")));
    };
    let job: Job = over?;
    if job.status.short != StatusShort::Succeeded {
        steps.mark_failed("");
        let sentence = format!("{name} failed: {}", job.status_long);
        return Err(Error::invalid("job-failed", sentence).help(format!("hearth logs {name}")));
    }
    steps.mark_done("");
    Ok(job)
}
