//! Waiting until a job that runs once is over.

use std::time::Duration;

use hearth_base::{Error, JobName, Result};
use hearth_wire::jobs::{Job, JobsQuery, RunQuery, StatusShort, Wait};

use crate::{at_tool::AtTool, context::Context};

/// The code of what is told when it lasts too long.
pub const STILL_RUNNING: &str = "still-running";

/// Waits until the job's last run is over, `limit` at most; an error when it did not end well.
pub async fn until_over(cx: &Context, at: &AtTool<'_>, name: &JobName, limit: Duration) -> Result<Job> {
    let mut steps = cx.printer.steps();
    steps.begin("run");
    let over = async {
        loop {
            let job = at.ask(at.client().jobs().show(at.name(), name, &JobsQuery::default())).await?;
            let run = match (job.status.short, &job.status.run) {
                (StatusShort::Succeeded | StatusShort::Failed, _) | (_, None) => return Ok(job),
                (_, Some(run)) => run.clone(),
            };
            // It answers when the run is over: a silence is no trouble. Then the job is over, too, or tried again.
            let query = RunQuery { wait: Some(Wait::MOST) };
            at.client().jobs().run(at.name(), name, &run, &query).await?;
        }
    };
    let Ok(over) = steps.during(tokio::time::timeout(limit, over)).await else {
        steps.failed("still running");
        let sentence = format!("{name} is not over after {} s; it goes on", limit.as_secs());
        return Err(Error::conflict(STILL_RUNNING, sentence).help(format!("hearth logs -f {name}")));
    };
    let job: Job = over?;
    if job.status.short != StatusShort::Succeeded {
        steps.failed("");
        let sentence = format!("{name} failed: {}", job.status_long);
        return Err(Error::invalid("job-failed", sentence).help(format!("hearth logs {name}")));
    }
    steps.done("");
    Ok(job)
}
