//! `hearth deployment delete ID`: deletes the record of a deployment; one that is running is rolled back first.

use hearth_base::Result;
use hearth_wire::components::{Deployment, DeploymentId};

use super::{describe_deployment_state, fetch_deployment};
use crate::{context::CommandContext, flags::DryRun};

/// The arguments of `hearth deployment delete`.
#[derive(Debug, clap::Args)]
pub struct DeleteDeploymentArgs {
    /// The deployment
    id: DeploymentId,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Deletes the deployment.
pub async fn run(cx: &CommandContext, args: DeleteDeploymentArgs) -> Result<()> {
    let result = cx.printer.open_output::<Deployment>()?;
    let session = cx.open_tool_session()?;
    let deployment = fetch_deployment(&session, Some(args.id)).await?;
    let rest = if deployment.status.has_ended() {
        "its revision and the running components stay"
    } else {
        "it is rolled back first"
    };
    let state = describe_deployment_state(deployment.status);
    let target = format!("the deployment {} ({state})", args.id);
    if args.dry_run.dry_run {
        return result.print_sentence(&deployment, &format!("would delete {target}; {rest}"));
    }
    cx.require_confirmation("delete", &format!("{target}; {rest}")).await?;
    let deleted = session.send(session.client().components().delete(session.tool_name(), args.id)).await?;
    result.print_done(&deleted, &format!("{target} is deleted; {rest}"))
}
