//! `hearth jobs scale NAME COUNT`: how many of a continuous job run side by side.

use hearth_base::{JobName, Result};
use hearth_wire::jobs::{Job, ReplicasPut};

use crate::{context::Context, flags::DryRun, job_calls::show_job};

/// What `hearth jobs scale` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The job
    name: JobName,
    /// How many are to run side by side
    #[arg(value_name = "COUNT")]
    replicas: u16,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Changes it.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Job>()?;
    let Args { name, replicas, dry_run } = args;
    let at = cx.at_tool()?;
    let job = show_job(&at, &name).await?;
    let before = job.replicas.unwrap_or(1);
    if before == replicas && job.replicas.is_some() {
        return answer.said(&job, &format!("nothing to change: {name} has {replicas}"));
    }
    if dry_run.dry_run {
        return answer.said(&job, &format!("{name} would have {replicas} side by side instead of {before}"));
    }
    let job = at.ask(at.client().jobs().scale(at.name(), &name, ReplicasPut { replicas })).await?;
    answer.done(&job, &format!("{name} has {replicas} side by side instead of {before}"))?;
    cx.printer.next(&format!("hearth jobs show {name}"));
    Ok(())
}
