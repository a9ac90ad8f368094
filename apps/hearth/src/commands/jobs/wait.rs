//! Waiting for the end of a job's run.

use std::time::Duration;

use hearth_base::{Error, JobName, Result};
use hearth_wire::jobs::{Job, JobsQuery, Run, RunQuery, StatusShort, WaitSeconds};

use crate::{context::CommandContext, exit::Exit, tool_session::ToolSession};

/// The code of the error after the time limit.
pub const STILL_RUNNING_CODE: &str = "still-running";

/// The end of a job's last run.
#[derive(Debug)]
pub struct JobEnd {
    /// The job.
    pub job: Job,
    /// Its last run, if the server still has it.
    run: Option<Run>,
}

impl JobEnd {
    /// True if the run succeeded.
    pub fn is_success(&self) -> bool {
        self.job.status.short == StatusShort::Succeeded
    }

    /// The exit status for this command: that of the program, as a shell reports it.
    pub fn to_exit(&self) -> Exit {
        match &self.run {
            _ if self.is_success() => Exit::Done,
            Some(run) => Exit::from_run(run),
            None => Exit::UserError,
        }
    }

    /// Builds the error about a run that failed.
    pub fn build_error(&self) -> Error {
        let Job { name, status_long, .. } = &self.job;
        Error::invalid("job-failed", format!("{name} failed: {status_long}"))
            .help(format!("hearth logs {name}"))
    }
}

/// Waits for the end of the job's last run, at most `limit`.
pub async fn wait_for_job_end(
    cx: &CommandContext,
    session: &ToolSession<'_>,
    name: &JobName,
    limit: Duration,
) -> Result<JobEnd> {
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
    let run = match &job.status.run {
        // The exit status of the run is optional: the status of the job says whether it failed.
        Some(run) => {
            session.client().jobs().show_run(session.tool_name(), name, run, &RunQuery::default()).await.ok()
        }
        None => None,
    };
    let end = JobEnd { job, run };
    match end.is_success() {
        true => steps.mark_done(""),
        false => steps.mark_failed(""),
    }
    Ok(end)
}
