//! `hearth jobs pause NAME` and `hearth jobs resume NAME`.

use hearth_base::{Error, JobName, Result};
use hearth_wire::jobs::JobType;
use serde::{Deserialize, Serialize};

use crate::{context::CommandContext, flags::DryRun, job_calls::fetch_job};

/// The arguments of `hearth jobs pause` and `resume`.
#[derive(Debug, clap::Args)]
pub struct PauseJobArgs {
    /// The job
    name: JobName,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The result.
#[derive(Debug, Serialize, Deserialize)]
struct PausedJob {
    name: JobName,
    paused: bool,
    changed: bool,
}

/// Pauses the job.
pub async fn pause(cx: &CommandContext, args: PauseJobArgs) -> Result<()> {
    set_paused(cx, args, true).await
}

/// Resumes the job.
pub async fn resume(cx: &CommandContext, args: PauseJobArgs) -> Result<()> {
    set_paused(cx, args, false).await
}

async fn set_paused(cx: &CommandContext, args: PauseJobArgs, paused: bool) -> Result<()> {
    let result = cx.printer.open_output::<PausedJob>()?;
    let PauseJobArgs { name, dry_run } = args;
    let session = cx.open_tool_session()?;
    let job = fetch_job(&session, &name).await?;
    let scheduled = match job.job_type {
        JobType::OneOff => {
            let sentence = format!("{name} is a one-off job and runs once");
            return Err(Error::invalid("job-not-pausable", sentence).help(format!("hearth jobs stop {name}")));
        }
        JobType::Scheduled => true,
        JobType::Continuous | JobType::Webservice => false,
    };
    let to_result = |changed| PausedJob { name: name.clone(), paused, changed };
    if job.status.paused.is_some() == paused {
        let state = if paused { "is paused already" } else { "is not paused" };
        return result.print_sentence(&to_result(false), &format!("nothing to change: {name} {state}"));
    }
    let effect = match (paused, scheduled) {
        (true, true) => "its due times are skipped; a current run continues",
        (true, false) => "its containers are being stopped",
        (false, true) => "its schedule applies again",
        (false, false) => "it starts",
    };
    let word = if paused { "paused" } else { "resumed" };
    if dry_run.dry_run {
        return result.print_sentence(&to_result(false), &format!("{name} would be {word}"));
    }
    let jobs = session.client().jobs();
    if paused {
        session.send(jobs.pause(session.tool_name(), &name)).await?;
    } else {
        session.send(jobs.resume(session.tool_name(), &name)).await?;
    }
    result.print_done(&to_result(true), &format!("{name} is {word}: {effect}"))?;
    let next = if paused { "resume" } else { "show" };
    cx.printer.print_next(&format!("hearth jobs {next} {name}"));
    Ok(())
}
