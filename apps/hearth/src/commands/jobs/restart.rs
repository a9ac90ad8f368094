//! `hearth jobs restart NAME`. A one-off job, which Toolforge does not restart, runs again.

use hearth_base::{JobName, Result};
use hearth_wire::jobs::JobType;
use serde::{Deserialize, Serialize};

use crate::{context::Context, flags::DryRun, job_calls::show_job};

/// What `hearth jobs restart` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The job
    name: JobName,
    #[command(flatten)]
    dry_run: DryRun,
}

/// What was restarted.
#[derive(Debug, Serialize, Deserialize)]
struct Restarted {
    name: JobName,
    restarted: bool,
}

/// Restarts it.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Restarted>()?;
    let Args { name, dry_run } = args;
    let at = cx.at_tool()?;
    let job = show_job(&at, &name).await?;
    let what = match job.job_type {
        JobType::Scheduled => "runs now; its schedule stays as it is",
        JobType::OneOff => "runs again",
        JobType::Continuous | JobType::Webservice => "starts anew",
    };
    if dry_run.dry_run {
        let would = what.replacen("runs", "run", 1).replacen("starts", "start", 1);
        return answer.said(&Restarted { name, restarted: false }, &format!("{} would {would}", job.name));
    }
    match job.job_type {
        JobType::OneOff => at.ask(at.client().jobs().run_begin(at.name(), &name)).await.map(drop)?,
        JobType::Scheduled | JobType::Continuous | JobType::Webservice => {
            at.ask(at.client().jobs().restart(at.name(), &name)).await.map(drop)?;
        }
    }
    answer.done(&Restarted { name, restarted: true }, &format!("{} {what}", job.name))?;
    cx.printer.next(&format!("hearth logs -f {}", job.name));
    Ok(())
}
