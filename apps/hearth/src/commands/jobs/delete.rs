//! `hearth jobs delete NAME`: says what is lost. It asks nothing, as in Toolforge.

use hearth_base::{JobName, Result};
use serde::{Deserialize, Serialize};

use super::list::sort;
use crate::{context::Context, flags::DryRun, job_calls::show_job};

/// What `hearth jobs delete` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The job
    name: JobName,
    #[command(flatten)]
    dry_run: DryRun,
}

/// What was deleted.
#[derive(Debug, Serialize, Deserialize)]
struct Deleted {
    name: JobName,
    deleted: bool,
}

/// Deletes it.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Deleted>()?;
    let Args { name, dry_run } = args;
    let at = cx.at_tool()?;
    let job = show_job(&at, &name).await?;
    let what = format!("the {} job {} ({})", sort(&job), job.name, job.status_short);
    if dry_run.dry_run {
        return answer.said(&Deleted { name, deleted: false }, &format!("would stop and delete {what}"));
    }
    at.ask(at.client().jobs().delete(at.name(), &name)).await?;
    answer.done(&Deleted { name, deleted: true }, &format!("{what} is stopped and deleted"))
}
