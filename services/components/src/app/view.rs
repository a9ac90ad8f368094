//! Conversion of a stored deployment to its API type.

use std::collections::BTreeMap;

use hearth_base::ToolName;
use hearth_wire::components::{
    self as wire, BuildInfo, BuildState, ComponentRunState, DeploymentFailureClass, DeploymentState, RunInfo,
    StepName, StepState,
};

use super::steps::{BUILD_FAILED_CODE, CRASHED_CODE, NO_PROCESS_CODE, NOT_READY_CODE, UNREACHABLE_CODE};
use crate::{
    context::ComponentsContext,
    store::{Deployment, DeploymentContent, DeploymentFailure},
};

/// Converts a deployment to its API type.
pub fn render_deployment(
    cx: &ComponentsContext,
    tool: &ToolName,
    deployment: &Deployment,
) -> wire::Deployment {
    let Deployment { id, version, content, .. } = deployment;
    let component = content.component.to_string();
    let switched = content.state == DeploymentState::Successful && content.publish;
    wire::Deployment {
        deploy_id: *id,
        creation_time: content.created,
        end_time: content.ended,
        description: content.description.clone(),
        by: content.by.clone(),
        source: content.source.clone(),
        builds: BTreeMap::from([(component.clone(), render_build(content))]),
        runs: BTreeMap::from([(component, render_run(content))]),
        tool_config: None,
        status: content.state,
        long_status: content.message.clone(),
        code: content.failure.as_ref().map(|failure| failure.code.clone()),
        failure_class: content.failure.as_ref().and_then(classify_failure),
        help: content.failure.as_ref().and_then(|failure| failure.help.clone()),
        force_build: content.force_build,
        force_run: content.force_run,
        steps: content.steps.clone(),
        revision: content.revision,
        still_running: content.still_running,
        schedule: content.schedule.clone(),
        url: switched.then(|| cx.build_tool_url(tool)),
        version: u64::try_from(*version).unwrap_or(0),
    }
}

/// Finds the class of a failure; `None` for a cancellation.
fn classify_failure(failure: &DeploymentFailure) -> Option<DeploymentFailureClass> {
    if !matches!(failure.state, DeploymentState::Failed | DeploymentState::TimedOut) {
        return None;
    }
    Some(match failure.code.as_str() {
        BUILD_FAILED_CODE => DeploymentFailureClass::Build,
        NO_PROCESS_CODE => DeploymentFailureClass::StartCommandMissing,
        CRASHED_CODE => DeploymentFailureClass::Crash,
        UNREACHABLE_CODE => DeploymentFailureClass::Port,
        NOT_READY_CODE => DeploymentFailureClass::Timeout,
        _ => DeploymentFailureClass::Other,
    })
}

fn find_step(content: &DeploymentContent, name: StepName) -> Option<(StepState, String)> {
    let found = content.steps.iter().find(|step| step.name == name);
    found.map(|step| (step.state, step.message.clone()))
}

fn render_build(content: &DeploymentContent) -> BuildInfo {
    let cancelled = matches!(content.state, DeploymentState::Cancelled | DeploymentState::Cancelling);
    let source = find_step(content, StepName::Source).map(|(state, _)| state);
    let (state, message) = find_step(content, StepName::Build).unwrap_or((StepState::Waiting, String::new()));
    let status = match (state, source) {
        (StepState::Done, _) => BuildState::Successful,
        (StepState::Skipped, _) => BuildState::Skipped,
        _ if cancelled => BuildState::Cancelled,
        (StepState::Failed, _) | (_, Some(StepState::Failed)) => BuildState::Failed,
        (StepState::Running, _) => BuildState::Running,
        (StepState::Waiting, _) => BuildState::Pending,
    };
    let none = if state == StepState::Skipped { "no-build-needed" } else { "no-id-yet" };
    let image = &content.progress.image;
    BuildInfo {
        build_id: content.progress.build.map_or_else(|| none.to_owned(), |build| build.to_string()),
        build_status: status,
        build_image: if image.is_empty() { "no-image-yet".to_owned() } else { image.clone() },
        build_long_status: message,
    }
}

fn render_run(content: &DeploymentContent) -> RunInfo {
    let late = [StepName::Check, StepName::Start, StepName::Switch];
    let steps: Vec<_> = late.into_iter().filter_map(|name| find_step(content, name)).collect();
    let failed = steps.iter().find(|(state, _)| *state == StepState::Failed);
    let (run_status, message) = match (content.state, failed) {
        (DeploymentState::Successful, _) => (ComponentRunState::Successful, String::new()),
        (_, Some((_, message))) => (ComponentRunState::Failed, message.clone()),
        (DeploymentState::Failed | DeploymentState::TimedOut, None) => {
            (ComponentRunState::Skipped, String::new())
        }
        (DeploymentState::Cancelling | DeploymentState::Cancelled, None) => {
            (ComponentRunState::Skipped, "the deployment was cancelled".to_owned())
        }
        (DeploymentState::Pending | DeploymentState::Running, None) => {
            let at = steps.iter().rev().find(|(state, _)| *state == StepState::Running);
            (ComponentRunState::Pending, at.map(|(_, message)| message.clone()).unwrap_or_default())
        }
    };
    RunInfo { run_status, run_long_status: message }
}
