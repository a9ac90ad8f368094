//! Waiting until a job that runs once is over.

use std::time::Duration;

use hearth_base::{Error, JobName, Result};
use hearth_wire::jobs::{Job, JobsQuery, StatusShort};

use crate::{at_tool::AtTool, context::Context};

/// How often the server is asked: it has nothing that wakes.
const PAUSE: Duration = Duration::from_secs(1);

/// Waits until the job's last run is over, `limit` at most; an error when it did not end well.
pub async fn until_over(cx: &Context, at: &AtTool<'_>, name: &JobName, limit: Duration) -> Result<Job> {
    let mut steps = cx.printer.steps();
    steps.begin("run");
    let over = async {
        let mut seen = None;
        loop {
            let job = at.ask(at.client().jobs().show(at.name(), name, &JobsQuery::default())).await?;
            if matches!(job.status.short, StatusShort::Succeeded | StatusShort::Failed) {
                return Ok(job);
            }
            // A server that is busy is not asked in step with others.
            tokio::time::sleep(if seen.replace(job.status.short).is_none() { PAUSE / 4 } else { PAUSE })
                .await;
        }
    };
    let Ok(over) = steps.during(tokio::time::timeout(limit, over)).await else {
        steps.failed("still running");
        let sentence = format!("{name} is not over after {} s; it goes on", limit.as_secs());
        return Err(Error::conflict("still-running", sentence).help(format!("hearth logs -f {name}")));
    };
    let job: Job = over?;
    if job.status.short == StatusShort::Failed {
        steps.failed("");
        let sentence = format!("{name} failed: {}", job.status_long);
        return Err(Error::invalid("job-failed", sentence).help(format!("hearth logs {name}")));
    }
    steps.done("");
    Ok(job)
}
