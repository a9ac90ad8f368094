//! `hearth jobs scale NAME COUNT`: sets the number of replicas of a continuous job.

use hearth_base::{JobName, Result};
use hearth_wire::jobs::{Job, ReplicasPut};

use crate::{context::CommandContext, flags::DryRun, job_calls::fetch_job};

/// The arguments of `hearth jobs scale`.
#[derive(Debug, clap::Args)]
pub struct ScaleJobArgs {
    /// The job
    name: JobName,
    /// The number of replicas
    #[arg(value_name = "COUNT")]
    replicas: u16,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Changes the number of replicas.
pub async fn run(cx: &CommandContext, args: ScaleJobArgs) -> Result<()> {
    let result = cx.printer.open_output::<Job>()?;
    let ScaleJobArgs { name, replicas, dry_run } = args;
    let session = cx.open_tool_session()?;
    let job = fetch_job(&session, &name).await?;
    let before = job.replicas.unwrap_or(1);
    if before == replicas && job.replicas.is_some() {
        return result.print_sentence(&job, &format!("nothing to change: {name} has {replicas} replicas"));
    }
    if dry_run.dry_run {
        return result
            .print_sentence(&job, &format!("{name} would have {replicas} replicas instead of {before}"));
    }
    let job = session
        .send(session.client().jobs().scale_job(session.tool_name(), &name, ReplicasPut { replicas }))
        .await?;
    result.print_done(&job, &format!("{name} has {replicas} replicas instead of {before}"))?;
    cx.printer.print_next(&format!("hearth jobs show {name}"));
    Ok(())
}
