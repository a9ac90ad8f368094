//! `hearth jobs stop NAME`: stops the runs of a job; the job stays.

use hearth_base::{JobName, Result};
use hearth_wire::jobs::{Job, JobType, StatusShort};
use serde::{Deserialize, Serialize};

use crate::{context::CommandContext, flags::DryRun, job_calls::fetch_job};

/// The arguments of `hearth jobs stop`.
#[derive(Debug, clap::Args)]
pub struct StopJobArgs {
    /// The job
    name: JobName,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The result.
#[derive(Debug, Serialize, Deserialize)]
struct StoppedJob {
    name: JobName,
    stopped: bool,
}

/// Stops the job.
pub async fn run(cx: &CommandContext, args: StopJobArgs) -> Result<()> {
    let result = cx.printer.open_output::<StoppedJob>()?;
    let StopJobArgs { name, dry_run } = args;
    let session = cx.open_tool_session()?;
    let job = fetch_job(&session, &name).await?;
    let to_result = |stopped| StoppedJob { name: name.clone(), stopped };
    if !is_active(&job) {
        return result
            .print_sentence(&to_result(false), &format!("nothing to change: {name} is not running"));
    }
    if dry_run.dry_run {
        return result.print_sentence(&to_result(false), &format!("{name} would be stopped"));
    }
    session.send(session.client().jobs().stop(session.tool_name(), &name)).await?;
    let (effect, next) = match job.job_type {
        JobType::OneOff => ("is stopping", "runs"),
        JobType::Scheduled => ("is stopping; its schedule is unchanged", "runs"),
        JobType::Continuous | JobType::Webservice => ("is stopping, until it is resumed", "resume"),
    };
    result.print_done(&to_result(true), &format!("{name} {effect}"))?;
    cx.printer.print_next(&format!("hearth jobs {next} {name}"));
    Ok(())
}

/// Returns true when the job runs or is about to run.
fn is_active(job: &Job) -> bool {
    match job.job_type {
        JobType::Continuous | JobType::Webservice => job.status.paused.is_none(),
        JobType::OneOff | JobType::Scheduled => {
            job.status.run.is_some()
                && !matches!(job.status.short, StatusShort::Succeeded | StatusShort::Failed)
        }
    }
}
