//! `hearth deployment create`: deploys the stored configuration, without waiting for the end. `hearth deploy --stored` waits.

use hearth_base::Result;
use hearth_wire::components::{Deployment, DeploymentCreate, DeploymentCreateQuery};

use super::show::build_deployment_table;
use crate::{commands::deploy, context::CommandContext, flags::DryRun};

/// The arguments of `hearth deployment create`.
#[derive(Debug, clap::Args)]
pub struct CreateDeploymentArgs {
    /// Build even when the source has an image already
    #[arg(long)]
    force_build: bool,
    /// Restart even when nothing changed
    #[arg(long)]
    force_run: bool,
    /// A description of the deployment
    #[arg(long, short = 'm', value_name = "TEXT", default_value = "", hide_default_value = true)]
    description: String,
    /// Deploy this environment of the configuration; default: production
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// Queue behind another deployment instead of failing
    #[arg(long)]
    queue: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Starts the deployment.
pub async fn run(cx: &CommandContext, args: CreateDeploymentArgs) -> Result<()> {
    let result = cx.printer.open_output::<Deployment>()?;
    let CreateDeploymentArgs { force_build, force_run, description, environment, queue, dry_run } = args;
    let session = cx.open_tool_session()?;
    if dry_run.dry_run {
        return deploy::print_stored_plan(cx, &session, environment.as_deref()).await;
    }
    let create = DeploymentCreate { description, environment, ..DeploymentCreate::default() };
    let query = DeploymentCreateQuery { force_build, force_run, queue };
    let created = deploy::start_deployment(cx, &session, &create, &query).await?;
    result.print_record(&created, &build_deployment_table(&created))?;
    cx.printer.print_next("hearth deploy --follow");
    Ok(())
}
