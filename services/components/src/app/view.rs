//! Conversion of a stored deployment to its API type.

use hearth_base::{EnvironmentName, JobName, ToolName};
use hearth_wire::components::{
    self as wire, BuildInfo, BuildState, ComponentRunState, DeploySource, DeploymentFailureClass,
    DeploymentState, RunInfo, StepName, StepState,
};

use super::steps::{
    BUILD_FAILED_CODE, CRASHED_CODE, NO_PROCESS_CODE, NOT_READY_CODE, ONE_OFF_FAILED_CODE, UNREACHABLE_CODE,
};
use crate::{
    context::ComponentsContext,
    spec::ComponentImage,
    store::{ComponentRollout, Deployment, DeploymentContent, DeploymentFailure},
};

/// Converts a deployment to its API type.
pub fn render_deployment(
    cx: &ComponentsContext,
    tool: &ToolName,
    deployment: &Deployment,
) -> wire::Deployment {
    let Deployment { id, version, content, .. } = deployment;
    let primary = content.find_primary();
    let is_successful = content.state == DeploymentState::Successful;
    let source = primary.and_then(|(name, rollout)| {
        content.components.get(content.find_image_owner(name)).unwrap_or(rollout).spec.deploy_source()
    });
    let builds = content.components.keys().map(|name| (name.to_string(), render_build(content, name)));
    let runs =
        content.components.iter().map(|(name, rollout)| (name.to_string(), render_run(content, rollout)));
    wire::Deployment {
        deploy_id: *id,
        creation_time: content.created,
        end_time: content.ended,
        description: content.description.clone(),
        by: content.by.clone(),
        source: source.unwrap_or_else(|| DeploySource::Image(String::new())),
        builds: builds.collect(),
        runs: runs.collect(),
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
        schedule: primary.and_then(|(_, rollout)| rollout.spec.job.schedule.clone()),
        repository_link: content.repository_link,
        environment: content.environment.clone(),
        removed: content.removals.keys().filter(|_| is_successful).map(JobName::to_string).collect(),
        url: find_page_address(cx, tool, content),
        version: u64::try_from(*version).unwrap_or(0),
    }
}

/// Finds the address of the page that a successful deployment has switched to; `None` without a page.
pub fn find_page_address(
    cx: &ComponentsContext,
    tool: &ToolName,
    content: &DeploymentContent,
) -> Option<String> {
    let has_page = content.state == DeploymentState::Successful
        && content.components.values().any(|rollout| rollout.spec.is_published());
    let environment = content.environment.as_deref().and_then(|name| name.parse::<EnvironmentName>().ok());
    has_page.then(|| cx.build_page_url(tool, environment.as_ref()))
}

/// Finds the class of a failure; `None` for a cancellation.
pub fn classify_failure(failure: &DeploymentFailure) -> Option<DeploymentFailureClass> {
    if !matches!(failure.state, DeploymentState::Failed | DeploymentState::TimedOut) {
        return None;
    }
    Some(match failure.code.as_str() {
        BUILD_FAILED_CODE => DeploymentFailureClass::Build,
        NO_PROCESS_CODE => DeploymentFailureClass::StartCommandMissing,
        CRASHED_CODE | ONE_OFF_FAILED_CODE => DeploymentFailureClass::Crash,
        UNREACHABLE_CODE => DeploymentFailureClass::Port,
        NOT_READY_CODE => DeploymentFailureClass::Timeout,
        _ => DeploymentFailureClass::Other,
    })
}

fn find_step(content: &DeploymentContent, name: StepName) -> Option<(StepState, String)> {
    let found = content.steps.iter().find(|step| step.name == name);
    found.map(|step| (step.state, step.message.clone()))
}

/// Renders the build of the image that a component runs.
fn render_build(content: &DeploymentContent, name: &JobName) -> BuildInfo {
    let Some(owner) = content.components.get(content.find_image_owner(name)) else {
        return render_unknown_build();
    };
    let progress = &owner.progress;
    let message = find_step(content, StepName::Build).map(|(_, message)| message).unwrap_or_default();
    let message = if content.components.len() == 1 { message } else { progress.message.clone() };
    BuildInfo {
        build_id: match (&owner.spec.image, progress.build) {
            (ComponentImage::Build(_), None) => "no-id-yet".to_owned(),
            (_, None) => "no-build-needed".to_owned(),
            (_, Some(build)) => build.to_string(),
        },
        build_status: find_build_state(content, owner),
        build_image: Some(progress.image.clone())
            .filter(|image| !image.is_empty())
            .unwrap_or_else(|| "no-image-yet".to_owned()),
        build_long_status: message,
    }
}

fn find_build_state(content: &DeploymentContent, owner: &ComponentRollout) -> BuildState {
    let cancelled = matches!(content.state, DeploymentState::Cancelled | DeploymentState::Cancelling);
    let has_failed = |name| find_step(content, name).is_some_and(|(state, _)| state == StepState::Failed);
    let step = find_step(content, StepName::Build).map_or(StepState::Waiting, |(state, _)| state);
    let failed_here = match owner.progress.failed_step {
        Some(step) => matches!(step, StepName::Source | StepName::Build),
        // Deployments of release 0.1.0 have one component.
        None => {
            content.components.len() == 1 && (has_failed(StepName::Source) || has_failed(StepName::Build))
        }
    };
    match (&owner.spec.image, step) {
        _ if failed_here && !cancelled => BuildState::Failed,
        (ComponentImage::Build(_), _) if step == StepState::Done => BuildState::Successful,
        (ComponentImage::Build(_), _)
            if owner.progress.build.is_some() && !owner.progress.image.is_empty() =>
        {
            BuildState::Successful
        }
        (ComponentImage::Image(_) | ComponentImage::ReuseFrom(_), StepState::Done | StepState::Skipped) => {
            BuildState::Skipped
        }
        _ if cancelled => BuildState::Cancelled,
        (_, StepState::Running) => BuildState::Running,
        (_, StepState::Failed) => BuildState::Cancelled,
        _ => BuildState::Pending,
    }
}

fn render_unknown_build() -> BuildInfo {
    BuildInfo {
        build_id: "no-id-yet".to_owned(),
        build_status: BuildState::Unknown,
        build_image: "no-image-yet".to_owned(),
        build_long_status: String::new(),
    }
}

/// Renders the start of a component.
fn render_run(content: &DeploymentContent, rollout: &ComponentRollout) -> RunInfo {
    let late = [StepName::Check, StepName::Start, StepName::Switch];
    let steps: Vec<_> = late.into_iter().filter_map(|name| find_step(content, name)).collect();
    let is_only = content.components.len() == 1;
    let failed = steps.iter().find(|(state, _)| *state == StepState::Failed);
    let failed = match rollout.progress.failed_step {
        Some(step) => late.contains(&step).then(|| rollout.progress.message.clone()),
        None => failed.filter(|_| is_only).map(|(_, message)| message.clone()),
    };
    let (run_status, message) = match (content.state, failed) {
        (DeploymentState::Successful, _) => (ComponentRunState::Successful, String::new()),
        (_, Some(message)) => (ComponentRunState::Failed, message),
        (DeploymentState::Failed | DeploymentState::TimedOut, None) => {
            (ComponentRunState::Skipped, String::new())
        }
        (DeploymentState::Cancelling | DeploymentState::Cancelled, None) => {
            (ComponentRunState::Skipped, "the deployment was cancelled".to_owned())
        }
        (DeploymentState::Pending | DeploymentState::Running, None) if rollout.progress.is_done => {
            (ComponentRunState::Successful, rollout.progress.message.clone())
        }
        (DeploymentState::Pending | DeploymentState::Running, None) => {
            let at = steps.iter().rev().find(|(state, _)| *state == StepState::Running);
            let message = at.map(|(_, message)| message.clone()).unwrap_or_default();
            let message = if is_only { message } else { rollout.progress.message.clone() };
            (ComponentRunState::Pending, message)
        }
    };
    RunInfo { run_status, run_long_status: message }
}
