//! `hearth jobs pause NAME` and `hearth jobs resume NAME`: a job is left alone for a while.

use hearth_base::{Error, JobName, Result};
use hearth_wire::jobs::JobType;
use serde::{Deserialize, Serialize};

use crate::{context::Context, flags::DryRun, job_calls::show_job};

/// What `hearth jobs pause` and `resume` take.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The job
    name: JobName,
    #[command(flatten)]
    dry_run: DryRun,
}

/// What was paused or resumed.
#[derive(Debug, Serialize, Deserialize)]
struct Paused {
    name: JobName,
    paused: bool,
    changed: bool,
}

/// Leaves it alone from now on.
pub async fn pause(cx: &Context, args: Args) -> Result<()> {
    set(cx, args, true).await
}

/// Has it go on.
pub async fn resume(cx: &Context, args: Args) -> Result<()> {
    set(cx, args, false).await
}

async fn set(cx: &Context, args: Args, paused: bool) -> Result<()> {
    let answer = cx.printer.answer::<Paused>()?;
    let Args { name, dry_run } = args;
    let at = cx.at_tool()?;
    let job = show_job(&at, &name).await?;
    let scheduled = match job.job_type {
        JobType::OneOff => {
            let sentence = format!("{name} is a one-off job and runs once");
            return Err(Error::invalid("job-not-pausable", sentence).help(format!("hearth jobs stop {name}")));
        }
        JobType::Scheduled => true,
        JobType::Continuous | JobType::Webservice => false,
    };
    let said = |changed| Paused { name: name.clone(), paused, changed };
    if job.status.paused.is_some() == paused {
        let how = if paused { "is paused already" } else { "is not paused" };
        return answer.said(&said(false), &format!("nothing to change: {name} {how}"));
    }
    let what = match (paused, scheduled) {
        (true, true) => "its due times are left out; what runs goes on",
        (true, false) => "nothing of it runs",
        (false, true) => "its schedule is followed again",
        (false, false) => "it is started",
    };
    let word = if paused { "paused" } else { "resumed" };
    if dry_run.dry_run {
        return answer.said(&said(false), &format!("{name} would be {word}"));
    }
    let jobs = at.client().jobs();
    if paused {
        at.ask(jobs.pause(at.name(), &name)).await?;
    } else {
        at.ask(jobs.resume(at.name(), &name)).await?;
    }
    answer.done(&said(true), &format!("{name} is {word}: {what}"))?;
    let next = if paused { "resume" } else { "show" };
    cx.printer.next(&format!("hearth jobs {next} {name}"));
    Ok(())
}
