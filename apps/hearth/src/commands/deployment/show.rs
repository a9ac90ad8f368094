//! `hearth deployment show [ID]`.

use hearth_base::Result;
use hearth_wire::components::{
    BuildState, ComponentRunState, Deployment, DeploymentFailureClass, DeploymentId, StepName, StepState,
};

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
    result.print_record(&deployment, &build_deployment_table(&deployment))?;
    if let Some(help) = deployment.help.as_deref() {
        cx.printer.print_next(help);
    }
    Ok(())
}

/// Builds the table of a deployment: its state, components and steps.
pub fn build_deployment_table(deployment: &Deployment) -> Table {
    let mut table = Table::from_pairs([
        ("deployment", Cell::from(deployment.deploy_id.to_string())),
        ("state", Cell::from(describe_deployment_state(deployment.status))),
        ("message", Cell::from(deployment.long_status.as_str())),
        ("began", Cell::from(deployment.creation_time)),
        ("by", Cell::from(deployment.by.as_str())),
        ("source", Cell::from(describe_origin(&deployment.source, ""))),
    ]);
    let mut add_text = |name: &'static str, text: &str| {
        if !text.is_empty() {
            table.add_row([Cell::from(name), Cell::from(text)]);
        }
    };
    add_text("description", &deployment.description);
    add_text("environment", deployment.environment.as_deref().unwrap_or_default());
    add_text("cause", deployment.failure_class.map(describe_failure_class).unwrap_or_default());
    // The steps describe the only component.
    if deployment.runs.len() > 1 {
        for name in deployment.runs.keys() {
            add_text("component", &describe_component(deployment, name));
        }
    }
    add_text("removed", &deployment.removed.join(", "));
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
        table.add_row([Cell::from(describe_step_name(step.name)), Cell::from(join_parts(&parts))]);
    }
    table
}

/// Describes a component with the states of its build and its start.
fn describe_component(deployment: &Deployment, name: &str) -> String {
    let mut parts = vec![name.to_owned()];
    if let Some(build) = deployment.builds.get(name) {
        parts.push(format!("build {}", describe_build_state(build.build_status)));
        // A build that was not needed has no state of its own.
        let is_needed = build.build_status != BuildState::Skipped;
        parts.push(if is_needed { build.build_long_status.clone() } else { String::new() });
    }
    if let Some(run) = deployment.runs.get(name) {
        parts.push(format!("start {}", describe_run_state(run.run_status)));
        parts.push(run.run_long_status.clone());
    }
    join_parts(&parts)
}

fn join_parts(parts: &[String]) -> String {
    parts.iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join("  ")
}

fn describe_build_state(state: BuildState) -> &'static str {
    match state {
        BuildState::Pending => "waiting",
        BuildState::Running => "running",
        BuildState::Failed => "failed",
        BuildState::Successful => "done",
        BuildState::Unknown => "unknown",
        BuildState::Skipped => "not needed",
        BuildState::Cancelled => "cancelled",
    }
}

fn describe_run_state(state: ComponentRunState) -> &'static str {
    match state {
        ComponentRunState::Pending => "waiting",
        ComponentRunState::Failed => "failed",
        ComponentRunState::Successful => "done",
        ComponentRunState::Skipped => "not needed",
        ComponentRunState::Unknown => "unknown",
    }
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
