//! `hearth apply`: deploys a configuration without any build. Components keep their images, and those that run with variables
//! from before a change are restarted.

use std::path::PathBuf;

use hearth_base::{Error, JobName, Result};
use hearth_wire::{
    components::{
        Deployment, DeploymentCreate, DeploymentCreateQuery, DeploymentPlan, DeploymentPlanQuery,
        PlannedAction,
    },
    jobs::JobsQuery,
};

use super::{
    deploy::{ConfigArgs, follow_to_end, start_deployment},
    plan::{build_plan_table, fetch_plan, has_changes},
};
use crate::{config_file::join_names, context::CommandContext, flags::DryRun, tool_session::ToolSession};

/// The arguments of `hearth apply`.
#[derive(Debug, clap::Args)]
pub struct ApplyConfigArgs {
    /// Apply this environment of hearth.yaml; default: production
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// The configuration with the components; default: hearth.yaml of this folder
    #[arg(long = "config", value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: Option<PathBuf>,
    /// Apply the stored configuration
    #[arg(long, conflicts_with = "file")]
    stored: bool,
    /// A description of the deployment
    #[arg(long, short = 'm', value_name = "TEXT", default_value = "", hide_default_value = true)]
    message: String,
    /// Queue behind another deployment instead of failing
    #[arg(long, hide_short_help = true)]
    queue: bool,
    /// Restart also what has not changed
    #[arg(long, hide_short_help = true)]
    force_run: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Shows the plan, then deploys and follows the deployment.
pub async fn run(cx: &CommandContext, args: ApplyConfigArgs) -> Result<()> {
    let ApplyConfigArgs { environment, file, stored, message, queue, force_run, dry_run } = args;
    let result = cx.printer.open_output::<Deployment>()?;
    let config = match stored {
        true => None,
        false => {
            let found = ConfigArgs::new(environment.clone(), file).find_config(Some(&cx.settings.folder))?;
            Some(found.ok_or_else(build_missing_error)?.text)
        }
    };
    let session = cx.open_tool_session()?;
    let create = DeploymentCreate {
        description: message,
        config,
        environment,
        keep_images: true,
        ..DeploymentCreate::default()
    };
    let plan = fetch_plan(cx, &session, &create, &DeploymentPlanQuery::default()).await?;
    let outdated = find_outdated_jobs(&session, &plan).await?;
    let has_changes = has_changes(&plan) || force_run;
    cx.printer.print_preview(&build_plan_table(&plan));
    if !outdated.is_empty() {
        cx.printer.print_note(&format!("restart with the present variables: {}", join_names(&outdated)));
    }
    if dry_run.dry_run || !has_changes {
        return finish_without_deployment(cx, &session, &plan, &outdated, (dry_run.dry_run, has_changes))
            .await;
    }
    let query = DeploymentCreateQuery { force_run, queue, ..DeploymentCreateQuery::default() };
    let mut steps = cx.printer.open_steps();
    let begun = start_deployment(cx, &session, &create, &query).await?;
    follow_to_end(&session, begun, &mut steps, &result).await?;
    restart_jobs(&session, &outdated).await
}

/// Ends a dry run, or a call that needs no deployment: it restarts at most the jobs with former variables.
async fn finish_without_deployment(
    cx: &CommandContext,
    session: &ToolSession<'_>,
    plan: &DeploymentPlan,
    outdated: &[JobName],
    (is_dry_run, has_changes): (bool, bool),
) -> Result<()> {
    let output = cx.printer.open_output()?;
    let tool = session.tool_name();
    let sentence = match (is_dry_run, has_changes || !outdated.is_empty()) {
        (true, true) => format!("would apply the configuration of {tool}"),
        (true, false) => format!("would change nothing: {tool} runs as configured"),
        (false, false) => format!("nothing to change: {tool} runs as configured"),
        (false, true) => {
            restart_jobs(session, outdated).await?;
            return output.print_done(plan, &format!("restarted {}", join_names(outdated)));
        }
    };
    output.print_sentence(plan, &sentence)
}

/// Lists the jobs that the deployment leaves as they are, and that run with variables from before a change.
async fn find_outdated_jobs(session: &ToolSession<'_>, plan: &DeploymentPlan) -> Result<Vec<JobName>> {
    let kept: Vec<&JobName> = plan
        .components
        .iter()
        .filter(|planned| planned.action == PlannedAction::Keep)
        .map(|planned| &planned.name)
        .collect();
    if kept.is_empty() {
        return Ok(Vec::new());
    }
    let query = JobsQuery { include_unset: Some(false) };
    let jobs = session.send(session.client().jobs().list(session.tool_name(), &query)).await?;
    let outdated = jobs.into_iter().filter(|job| job.status.envvars_changed && kept.contains(&&job.name));
    Ok(outdated.map(|job| job.name).collect())
}

async fn restart_jobs(session: &ToolSession<'_>, names: &[JobName]) -> Result<()> {
    for name in names {
        session.send(session.client().jobs().restart(session.tool_name(), name)).await?;
    }
    Ok(())
}

fn build_missing_error() -> Error {
    Error::invalid("no-components", "hearth.yaml of this folder names no components")
        .help("add components to it, name the file with --config FILE, or apply the stored one: hearth apply --stored")
}
