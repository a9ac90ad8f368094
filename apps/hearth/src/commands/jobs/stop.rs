//! `hearth jobs stop NAME`: what runs of a job is ended; the job stays.

use hearth_base::{JobName, Result};
use hearth_wire::jobs::{Job, JobType, StatusShort};
use serde::{Deserialize, Serialize};

use crate::{context::Context, flags::DryRun, job_calls::show_job};

/// What `hearth jobs stop` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The job
    name: JobName,
    #[command(flatten)]
    dry_run: DryRun,
}

/// What was stopped.
#[derive(Debug, Serialize, Deserialize)]
struct Stopped {
    name: JobName,
    stopped: bool,
}

/// Stops it.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Stopped>()?;
    let Args { name, dry_run } = args;
    let at = cx.at_tool()?;
    let job = show_job(&at, &name).await?;
    let said = |stopped| Stopped { name: name.clone(), stopped };
    if !runs(&job) {
        return answer.said(&said(false), &format!("nothing to change: nothing of {name} runs"));
    }
    if dry_run.dry_run {
        return answer.said(&said(false), &format!("what runs of {name} would be ended"));
    }
    at.ask(at.client().jobs().stop(at.name(), &name)).await?;
    let (what, next) = match job.job_type {
        JobType::OneOff => ("is being ended", "runs"),
        JobType::Scheduled => ("is being ended; its schedule stays as it is", "runs"),
        JobType::Continuous | JobType::Webservice => ("is being ended, until it is resumed", "resume"),
    };
    answer.done(&said(true), &format!("what runs of {name} {what}"))?;
    cx.printer.next(&format!("hearth jobs {next} {name}"));
    Ok(())
}

/// Whether anything of it runs, or is about to.
fn runs(job: &Job) -> bool {
    match job.job_type {
        JobType::Continuous | JobType::Webservice => job.status.paused.is_none(),
        JobType::OneOff | JobType::Scheduled => {
            job.status.run.is_some()
                && !matches!(job.status.short, StatusShort::Succeeded | StatusShort::Failed)
        }
    }
}
