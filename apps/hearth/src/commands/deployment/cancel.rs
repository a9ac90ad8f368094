//! `hearth deployment cancel [ID]`: cancels a deployment and rolls it back.

use hearth_base::Result;
use hearth_wire::components::{Deployment, DeploymentId, DeploymentState};

use super::{describe_deployment_state, fetch_deployment};
use crate::{context::CommandContext, flags::DryRun};

/// The arguments of `hearth deployment cancel`.
#[derive(Debug, clap::Args)]
pub struct CancelDeploymentArgs {
    /// The deployment; default: the newest
    id: Option<DeploymentId>,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Cancels the deployment.
pub async fn run(cx: &CommandContext, args: CancelDeploymentArgs) -> Result<()> {
    let result = cx.printer.open_output::<Deployment>()?;
    let session = cx.open_tool_session()?;
    let deployment = fetch_deployment(&session, args.id).await?;
    let id = deployment.deploy_id;
    if deployment.status.has_ended() || deployment.status == DeploymentState::Cancelling {
        let state = describe_deployment_state(deployment.status);
        return result
            .print_sentence(&deployment, &format!("nothing to change: the deployment {id} is {state}"));
    }
    if args.dry_run.dry_run {
        return result.print_sentence(&deployment, &format!("would cancel the deployment {id}"));
    }
    let cancelled = session.send(session.client().components().cancel(session.tool_name(), id)).await?;
    result.print_done(&cancelled, &format!("the deployment {id} is being cancelled and rolled back"))?;
    cx.printer.print_next("hearth deployment show");
    Ok(())
}
