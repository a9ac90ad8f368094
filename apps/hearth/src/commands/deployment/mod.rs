//! `hearth deployment …`: deployments of a tool, of which `hearth deploy` starts one.

mod cancel;
mod create;
mod delete;
mod list;
mod show;

use hearth_base::Result;
use hearth_wire::{
    components::{Deployment, DeploymentId, DeploymentState},
    reply::Paging,
};

use crate::{context::CommandContext, flags::HELP_TEMPLATE, tool_session::ToolSession};

/// Commands about deployments.
#[derive(Debug, clap::Subcommand)]
pub enum DeploymentCommand {
    /// List deployments
    #[command(before_help = "Example: hearth deployment list", help_template = HELP_TEMPLATE)]
    List(list::ListDeploymentsArgs),
    /// Show a deployment with its steps
    #[command(before_help = "Example: hearth deployment show", help_template = HELP_TEMPLATE)]
    Show(show::ShowDeploymentArgs),
    /// Deploy the stored configuration of the tool, without waiting for the end
    #[command(before_help = "Example: hearth deployment create", help_template = HELP_TEMPLATE)]
    Create(create::CreateDeploymentArgs),
    /// Cancel a waiting or running deployment, and roll it back
    #[command(before_help = "Example: hearth deployment cancel", help_template = HELP_TEMPLATE)]
    Cancel(cancel::CancelDeploymentArgs),
    /// Delete a deployment; one that is running is rolled back first
    #[command(before_help = "Example: hearth deployment delete deployment_00000000000000000000000001",
        help_template = HELP_TEMPLATE)]
    Delete(delete::DeleteDeploymentArgs),
}

/// Runs the command.
pub async fn run(cx: &CommandContext, command: DeploymentCommand) -> Result<()> {
    match command {
        DeploymentCommand::List(args) => list::run(cx, args).await,
        DeploymentCommand::Show(args) => show::run(cx, args).await,
        DeploymentCommand::Create(args) => create::run(cx, args).await,
        DeploymentCommand::Cancel(args) => cancel::run(cx, args).await,
        DeploymentCommand::Delete(args) => delete::run(cx, args).await,
    }
}

/// Explains the state after Ctrl-C.
pub fn explain_interrupt(command: &DeploymentCommand) -> &'static str {
    match command {
        DeploymentCommand::Cancel(_) => {
            "the deployment may be cancelled already; hearth deployment show shows it"
        }
        DeploymentCommand::Create(_) => "a started deployment continues; hearth deploy --follow shows it",
        DeploymentCommand::Delete(_) => {
            "the deployment may be deleted already; hearth deployment list shows the others"
        }
        DeploymentCommand::List(_) | DeploymentCommand::Show(_) => "nothing was changed",
    }
}

/// Fetches the named deployment, or the newest.
async fn fetch_deployment(session: &ToolSession<'_>, id: Option<DeploymentId>) -> Result<Deployment> {
    let calls = session.client().components();
    let tool = session.tool_name();
    match id {
        None => session.send(calls.show_latest(tool)).await,
        Some(id) => {
            let ids = async {
                let newest = session.send(calls.list(tool, &Paging::default())).await?.deployments;
                Ok(newest.iter().map(|deployment| deployment.deploy_id.to_string()).collect())
            };
            let query = hearth_wire::components::DeploymentQuery::default();
            session.send_with_suggestion(&id.to_string(), calls.show(tool, id, &query), ids).await
        }
    }
}

/// Describes the state in one or two words.
fn describe_deployment_state(state: DeploymentState) -> &'static str {
    match state {
        DeploymentState::Pending => "waiting",
        DeploymentState::Running => "running",
        DeploymentState::Failed => "failed",
        DeploymentState::TimedOut => "took too long",
        DeploymentState::Successful => "done",
        DeploymentState::Cancelling => "being cancelled",
        DeploymentState::Cancelled => "cancelled",
    }
}
