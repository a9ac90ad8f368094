//! `hearth restart [JOB]`: `hearth jobs restart`, with the published job as the default.

use hearth_base::{JobName, Result};

use super::{jobs, logs};
use crate::{context::CommandContext, flags::DryRun, job_calls::list_jobs};

/// The arguments of `hearth restart`.
#[derive(Debug, clap::Args)]
pub struct RestartArgs {
    /// The job; default: the published job, or the only one
    job: Option<JobName>,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Restarts the job.
pub async fn run(cx: &CommandContext, args: RestartArgs) -> Result<()> {
    let name = match args.job {
        Some(name) => name,
        None => {
            let session = cx.open_tool_session()?;
            logs::choose_job(&session, &list_jobs(&session, false).await?, "restart")?
        }
    };
    jobs::restart::run(cx, jobs::restart::RestartJobArgs::new(name, args.dry_run)).await
}
