//! Events about ended deployments, appended in the transaction that ends the deployment.

use hearth_base::{JobName, Result, ToolName, to_single_line};
use hearth_kit::{db::Tx, events::NewEvent};
use hearth_wire::components::{
    DeploymentState, StepState,
    events::{DeploymentEvent, DeploymentEventData},
};

use super::{notice, rollback::ROLLBACK_FAILED, view};
use crate::{
    context::ComponentsContext,
    store::{Deployment, DeploymentContent, DeploymentFailure},
};

/// The maximum length of a reason in an event, in characters.
const MAX_REASON_CHARS: usize = 500;

/// Appends the event about the end of a deployment, in the transaction that ends it. A deployment that release 0.1.0
/// created does not name its tool, and has no event.
pub async fn append_end_event(cx: &ComponentsContext, tx: &Tx, deployment: &Deployment) -> Result<()> {
    let Some(tool) = &deployment.tool_name else { return Ok(()) };
    let Some(event) = build_end_event(cx, tool, deployment) else { return Ok(()) };
    let event = NewEvent::new(cx.generate_id(), cx.now(), &event)?
        .with_notice(notice::build_notice(&event).as_ref())?;
    cx.store.events.append(tx, [event]).await
}

/// Builds the event about the end of a deployment; `None` if it has not ended.
fn build_end_event(
    cx: &ComponentsContext,
    tool: &ToolName,
    deployment: &Deployment,
) -> Option<DeploymentEvent> {
    let to_event = match deployment.state {
        DeploymentState::Successful if deployment.restored_revision.is_some() => DeploymentEvent::RolledBack,
        DeploymentState::Successful => DeploymentEvent::Succeeded,
        DeploymentState::Failed | DeploymentState::TimedOut => DeploymentEvent::Failed,
        DeploymentState::Cancelled => DeploymentEvent::Cancelled,
        DeploymentState::Pending | DeploymentState::Running | DeploymentState::Cancelling => return None,
    };
    let content = &deployment.content;
    let failure = content.failure.as_ref().filter(|_| is_failed(content));
    Some(to_event(DeploymentEventData {
        tool: tool.clone(),
        tool_id: deployment.tool,
        deployment: deployment.id,
        environment: content.environment.clone(),
        by: content.by.clone(),
        description: content.description.clone(),
        state: content.state,
        revision: content.revision,
        restored_revision: content.restored_revision,
        still_running: content.still_running,
        reason: failure.map(find_reason),
        rollback_error: failure.and_then(|failure| find_rollback_error(content, failure)),
        failure_class: failure.and_then(view::classify_failure),
        component: failure.and_then(|failure| find_failed_component(content, failure)).cloned(),
        step: failure.and_then(|_| {
            let mut steps = content.steps.iter();
            steps.find(|step| step.state == StepState::Failed).map(|step| step.name)
        }),
        help: failure.and_then(|failure| failure.help.clone()),
        created: content.created,
        ended: content.ended?,
        url: cx.build_deployment_url(tool, deployment.id),
        page: view::find_page_address(cx, tool, content),
    }))
}

fn is_failed(content: &DeploymentContent) -> bool {
    matches!(content.state, DeploymentState::Failed | DeploymentState::TimedOut)
}

/// Finds the first line of a failure's message; the others are lines of logs.
fn find_reason(failure: &DeploymentFailure) -> String {
    to_single_line(failure.message.lines().next().unwrap_or_default(), MAX_REASON_CHARS)
}

/// Finds the error of the rollback, which ends the message of the deployment.
fn find_rollback_error(content: &DeploymentContent, failure: &DeploymentFailure) -> Option<String> {
    let added = content.message.strip_prefix(failure.message.as_str())?;
    let error = added.strip_prefix('\n')?.strip_prefix(ROLLBACK_FAILED)?;
    Some(to_single_line(error, MAX_REASON_CHARS))
}

/// Finds the component whose error failed the deployment: others may have failed at the same time.
fn find_failed_component<'a>(
    content: &'a DeploymentContent,
    failure: &DeploymentFailure,
) -> Option<&'a JobName> {
    let failed = || content.components.iter().filter(|(_, rollout)| rollout.progress.failed_step.is_some());
    let is_cause = |rollout: &str| failure.message.lines().next() == rollout.lines().next();
    let cause = failed().find(|(_, rollout)| is_cause(&rollout.progress.message));
    cause.or_else(|| failed().next()).map(|(name, _)| name)
}
