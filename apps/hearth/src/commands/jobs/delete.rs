//! `hearth jobs delete NAME`: deletes a job without a question, as in Toolforge, and names it.

use hearth_base::{JobName, Result};
use serde::{Deserialize, Serialize};

use super::list::describe_job_type;
use crate::{context::CommandContext, flags::DryRun, job_calls::fetch_job};

/// The arguments of `hearth jobs delete`.
#[derive(Debug, clap::Args)]
pub struct DeleteJobArgs {
    /// The job
    name: JobName,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The result.
#[derive(Debug, Serialize, Deserialize)]
struct DeletedJob {
    name: JobName,
    deleted: bool,
}

/// Deletes the job.
pub async fn run(cx: &CommandContext, args: DeleteJobArgs) -> Result<()> {
    let result = cx.printer.open_output::<DeletedJob>()?;
    let DeleteJobArgs { name, dry_run } = args;
    let session = cx.open_tool_session()?;
    let job = fetch_job(&session, &name).await?;
    let target = format!("the {} job {} ({})", describe_job_type(&job), job.name, job.status_short);
    if dry_run.dry_run {
        return result.print_sentence(
            &DeletedJob { name, deleted: false },
            &format!("would stop and delete {target}"),
        );
    }
    session.send(session.client().jobs().delete(session.tool_name(), &name)).await?;
    result.print_done(&DeletedJob { name, deleted: true }, &format!("{target} is stopped and deleted"))
}
