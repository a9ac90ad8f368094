//! `hearth jobs flush`: stops and deletes all jobs. It asks nothing, as in Toolforge.

use hearth_base::{JobName, Result};
use serde::{Deserialize, Serialize};

use crate::{context::Context, flags::DryRun, job_calls::list_jobs};

/// What `hearth jobs flush` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    dry_run: DryRun,
}

/// What was deleted.
#[derive(Debug, Serialize, Deserialize)]
struct Flushed {
    jobs: Vec<JobName>,
    deleted: bool,
}

/// Deletes them.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Flushed>()?;
    let Args { dry_run } = args;
    let at = cx.at_tool()?;
    let jobs: Vec<_> = list_jobs(&at, false).await?.into_iter().map(|job| job.name).collect();
    if jobs.is_empty() {
        let sentence = format!("nothing to change: {} has no jobs", at.name());
        return answer.said(&Flushed { jobs, deleted: false }, &sentence);
    }
    let names = jobs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if dry_run.dry_run {
        let sentence = format!("would stop and delete {names}");
        return answer.said(&Flushed { jobs, deleted: false }, &sentence);
    }
    at.ask(at.client().jobs().flush(at.name())).await?;
    answer.done(&Flushed { jobs, deleted: true }, &format!("stopped and deleted: {names}"))
}
