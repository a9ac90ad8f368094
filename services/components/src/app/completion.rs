//! The end of a deployment, with or without a revision.

use hearth_base::{EnvironmentName, Error, PreviewNumber, Result, ToolId};
use hearth_kit::db::Tx;
use hearth_wire::components::{DeploymentState, Revision, RevisionComponent, StepName, StepState};

use super::{commit_statuses, create::DEPLOY_TASK, events, preview_images, revision_spec};
use crate::{
    context::ComponentsContext,
    store::{Deployment, DeploymentFailure},
};

pub use super::running::save_deployment;

/// Ends a deployment as successful and stores its revision. That of a preview has none.
pub async fn complete_with_revision(cx: &ComponentsContext, deployment: &mut Deployment) -> Result<()> {
    if let Some(number) = deployment.find_preview() {
        return complete_preview(cx, deployment, number).await;
    }
    let previous = cx.store.find_newest_revision(deployment.tool).await?;
    let tx = cx.store.begin().await?;
    let number = cx.store.find_newest_revision_number(&tx, deployment.tool).await? + 1;
    let revision = build_revision(cx, deployment, previous.as_ref(), number)?;
    cx.store.insert_revision(&tx, deployment.tool, &revision).await?;
    deployment.revision = Some(number);
    deployment.state = DeploymentState::Successful;
    deployment.message = format!("revision {number} runs");
    end_deployment(cx, tx, deployment).await
}

/// Ends the deployment of a preview as successful: its images replace those of the former one.
async fn complete_preview(
    cx: &ComponentsContext,
    deployment: &mut Deployment,
    number: PreviewNumber,
) -> Result<()> {
    let tx = cx.store.begin().await?;
    preview_images::record_images(cx, &tx, deployment, number).await?;
    deployment.state = DeploymentState::Successful;
    let name = EnvironmentName::from_preview(number);
    deployment.message = match deployment.find_preview_end() {
        Some(end) => format!("{name} runs until {end:.0}"),
        None => format!("{name} runs"),
    };
    end_deployment(cx, tx, deployment).await
}

fn build_revision(
    cx: &ComponentsContext,
    deployment: &Deployment,
    previous: Option<&Revision>,
    number: u32,
) -> Result<Revision> {
    let components = revision_spec::build_components(deployment, previous);
    let missing = || Error::internal("deployment has no component");
    let (name, primary) = deployment.find_primary().ok_or_else(missing)?;
    let RevisionComponent { job, source, resolved_ref, .. } = components.get(name).ok_or_else(missing)?;
    let owner = deployment.components.get(deployment.find_image_owner(name)).unwrap_or(primary);
    Ok(Revision {
        number,
        deployment: deployment.id,
        created: cx.now(),
        by: deployment.by.clone(),
        description: deployment.description.clone(),
        source: source.clone().or_else(|| owner.spec.deploy_source()).ok_or_else(missing)?,
        resolved_ref: resolved_ref.clone(),
        image: job.imagename.clone(),
        component: name.clone(),
        command: job.cmd.clone(),
        port: job.port.unwrap_or_default(),
        publish: job.publish == Some(true),
        schedule: job.schedule.clone(),
        timezone: job.timezone.clone(),
        kept: true,
        environment: deployment.environment.clone(),
        config: deployment.config.clone(),
        components,
    })
}

/// Ends a deployment that was rolled back.
pub async fn complete_without_revision(
    cx: &ComponentsContext,
    deployment: &mut Deployment,
    failure: &DeploymentFailure,
) -> Result<()> {
    let tx = cx.store.begin().await?;
    let running = cx.store.find_newest_revision_number(&tx, deployment.tool).await?;
    let is_preview = deployment.find_preview().is_some();
    deployment.still_running = (running > 0 && !is_preview).then_some(running);
    deployment.state = failure.state;
    deployment.message = failure.message.clone();
    end_deployment(cx, tx, deployment).await
}

async fn end_deployment(cx: &ComponentsContext, tx: Tx, deployment: &mut Deployment) -> Result<()> {
    deployment.ended = Some(cx.now());
    let active = std::mem::take(&mut deployment.active);
    // The save fails if the deployment has been ended meanwhile, so that its event is appended once.
    cx.store.save_deployment(&tx, deployment).await?;
    events::append_end_event(cx, &tx, deployment).await?;
    commit_statuses::enqueue_status(cx, &tx, deployment).await?;
    if active {
        activate_next_deployment(cx, &tx, deployment.tool).await?;
    }
    tx.commit().await
}

/// Activates the oldest queued deployment of a tool that has no active one. Those of previews come last, so that merge
/// requests do not delay the tool itself.
pub async fn activate_next_deployment(cx: &ComponentsContext, tx: &Tx, tool: ToolId) -> Result<()> {
    let waiting = cx.store.lock_queued_deployments(tx, tool).await?;
    let own = waiting.iter().find(|one| one.find_preview().is_none());
    let Some(next) = own.or(waiting.first()) else { return Ok(()) };
    cx.store.activate_deployment(tx, next).await?;
    cx.store.queue.enqueue(tx, DEPLOY_TASK, &next.id.to_string(), &next.id, cx.now()).await
}

/// Records the error that fails a deployment. Its rollback follows.
pub async fn record_failure(
    cx: &ComponentsContext,
    deployment: &mut Deployment,
    error: &Error,
) -> Result<()> {
    let state = match error.kind() {
        hearth_base::ErrorKind::Timeout => DeploymentState::TimedOut,
        _ => DeploymentState::Failed,
    };
    let message = error.public_messages().collect::<Vec<_>>().join("\n");
    let now = cx.now();
    for step in deployment.steps.iter_mut().filter(|step| step.state == StepState::Running) {
        step.state = StepState::Failed;
        step.message.clone_from(&message);
        step.ended = Some(now);
    }
    deployment.message.clone_from(&message);
    deployment.failure = Some(DeploymentFailure {
        state,
        code: error.code().to_owned(),
        message,
        help: error.help_text().map(str::to_owned),
    });
    save_deployment(cx, deployment).await
}

/// Saves a deployment after one of its steps. Once the commit is known, the forge learns of it.
pub async fn save_step_end(
    cx: &ComponentsContext,
    deployment: &mut Deployment,
    step: StepName,
) -> Result<()> {
    let tx = cx.store.begin().await?;
    cx.store.save_deployment(&tx, deployment).await?;
    if step == StepName::Source {
        commit_statuses::enqueue_status(cx, &tx, deployment).await?;
    }
    tx.commit().await
}
