//! `hearth jobs restart NAME`. A one-off job runs again, unlike in Toolforge.

use hearth_base::{JobName, Result};
use hearth_wire::jobs::JobType;
use serde::{Deserialize, Serialize};

use crate::{context::CommandContext, flags::DryRun, job_calls::fetch_job};

/// The arguments of `hearth jobs restart`.
#[derive(Debug, clap::Args)]
pub struct RestartJobArgs {
    /// The job
    name: JobName,
    #[command(flatten)]
    dry_run: DryRun,
}

impl RestartJobArgs {
    /// The arguments of a restart of the job `name`.
    pub fn new(name: JobName, dry_run: DryRun) -> Self {
        Self { name, dry_run }
    }
}

/// The result.
#[derive(Debug, Serialize, Deserialize)]
struct RestartedJob {
    name: JobName,
    restarted: bool,
}

/// Restarts the job.
pub async fn run(cx: &CommandContext, args: RestartJobArgs) -> Result<()> {
    let result = cx.printer.open_output::<RestartedJob>()?;
    let RestartJobArgs { name, dry_run } = args;
    let session = cx.open_tool_session()?;
    let job = fetch_job(&session, &name).await?;
    let effect = match job.job_type {
        JobType::Scheduled => "runs now; its schedule is unchanged",
        JobType::OneOff => "runs again",
        JobType::Continuous | JobType::Webservice => "restarts",
    };
    if dry_run.dry_run {
        let would = effect.replacen("runs", "run", 1).replacen("restarts", "restart", 1);
        return result.print_sentence(
            &RestartedJob { name, restarted: false },
            &format!("{} would {would}", job.name),
        );
    }
    match job.job_type {
        JobType::OneOff => {
            session.send(session.client().jobs().start_run(session.tool_name(), &name)).await.map(drop)?
        }
        JobType::Scheduled | JobType::Continuous | JobType::Webservice => {
            session.send(session.client().jobs().restart(session.tool_name(), &name)).await.map(drop)?;
        }
    }
    result.print_done(&RestartedJob { name, restarted: true }, &format!("{} {effect}", job.name))?;
    cx.printer.print_next(&format!("hearth logs -f {}", job.name));
    Ok(())
}
