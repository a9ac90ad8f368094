//! `hearth jobs flush`: stops and deletes all jobs without a question, as in Toolforge.

use hearth_base::{JobName, Result};
use serde::{Deserialize, Serialize};

use crate::{context::CommandContext, flags::DryRun, job_calls::list_jobs};

/// The arguments of `hearth jobs flush`.
#[derive(Debug, clap::Args)]
pub struct FlushJobsArgs {
    #[command(flatten)]
    dry_run: DryRun,
}

/// The result.
#[derive(Debug, Serialize, Deserialize)]
struct FlushedJobs {
    jobs: Vec<JobName>,
    deleted: bool,
}

/// Deletes the jobs.
pub async fn run(cx: &CommandContext, args: FlushJobsArgs) -> Result<()> {
    let result = cx.printer.open_output::<FlushedJobs>()?;
    let FlushJobsArgs { dry_run } = args;
    let session = cx.open_tool_session()?;
    let jobs: Vec<_> = list_jobs(&session, false).await?.into_iter().map(|job| job.name).collect();
    if jobs.is_empty() {
        let sentence = format!("nothing to change: {} has no jobs", session.tool_name());
        return result.print_sentence(&FlushedJobs { jobs, deleted: false }, &sentence);
    }
    let names = jobs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if dry_run.dry_run {
        let sentence = format!("would stop and delete {names}");
        return result.print_sentence(&FlushedJobs { jobs, deleted: false }, &sentence);
    }
    session.send(session.client().jobs().flush(session.tool_name())).await?;
    result.print_done(&FlushedJobs { jobs, deleted: true }, &format!("stopped and deleted: {names}"))
}
