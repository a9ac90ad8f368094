//! `hearth deployment show [ID]`.

use hearth_base::Result;
use hearth_wire::components::{Deployment, DeploymentFailureClass, DeploymentId, StepName, StepState};

use super::{describe_deployment_state, fetch_deployment};
use crate::{
    commands::revisions::describe_origin,
    context::CommandContext,
    printer::{Cell, Table},
    time,
};

/// The arguments of `hearth deployment show`.
#[derive(Debug, clap::Args)]
pub struct ShowDeploymentArgs {
    /// The deployment; default: the newest
    id: Option<DeploymentId>,
}

/// Shows the deployment.
pub async fn run(cx: &CommandContext, args: ShowDeploymentArgs) -> Result<()> {
    let result = cx.printer.open_output::<Deployment>()?;
    let session = cx.open_tool_session()?;
    let deployment = fetch_deployment(&session, args.id).await?;
    let mut table = Table::from_pairs([
        ("deployment", Cell::from(deployment.deploy_id.to_string())),
        ("state", Cell::from(describe_deployment_state(deployment.status))),
        ("message", Cell::from(deployment.long_status.as_str())),
        ("began", Cell::from(deployment.creation_time)),
        ("by", Cell::from(deployment.by.as_str())),
        ("source", Cell::from(describe_origin(&deployment.source, ""))),
    ]);
    if let Some(class) = deployment.failure_class {
        table.add_row([Cell::from("cause"), Cell::from(describe_failure_class(class))]);
    }
    for step in &deployment.steps {
        let took = step.started.zip(step.ended).map(|(from, to)| time::format_elapsed(from, to));
        let state = match step.state {
            StepState::Waiting => "waiting",
            StepState::Running => "running",
            StepState::Done => "done",
            StepState::Skipped => "skipped",
            StepState::Failed => "failed",
        };
        let parts = [state.to_owned(), took.unwrap_or_default(), step.message.clone()];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        table.add_row([Cell::from(describe_step_name(step.name)), Cell::from(parts.join("  "))]);
    }
    result.print_record(&deployment, &table)?;
    if let Some(help) = deployment.help.as_deref() {
        cx.printer.print_next(help);
    }
    Ok(())
}

fn describe_failure_class(class: DeploymentFailureClass) -> &'static str {
    match class {
        DeploymentFailureClass::Build => "the build failed: hearth build show",
        DeploymentFailureClass::StartCommandMissing => "the image has no start command",
        DeploymentFailureClass::Crash => "the program ended right after its start",
        DeploymentFailureClass::Port => "the program listens on another port, or on 127.0.0.1 only",
        DeploymentFailureClass::Timeout => "the program was not ready in time",
        DeploymentFailureClass::Other => "another reason, which the message names",
    }
}

fn describe_step_name(name: StepName) -> &'static str {
    match name {
        StepName::Source => "step source",
        StepName::Build => "step build",
        StepName::Check => "step check",
        StepName::Start => "step start",
        StepName::Switch => "step switch",
    }
}
