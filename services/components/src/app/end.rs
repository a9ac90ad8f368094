//! The end of a deployment: with a revision, or without.

use hearth_base::{Error, Result, ToolId};
use hearth_kit::db::Tx;
use hearth_wire::components::{DeploymentState, Revision, StepState};

use super::create::DEPLOY_TASK;
use crate::{
    cx::Cx,
    store::{Deployment, Failure},
};

/// What was new answers: it is a revision.
pub async fn succeed(cx: &Cx, deployment: &mut Deployment) -> Result<()> {
    let now = cx.now();
    let tx = cx.store.begin().await?;
    let number = cx.store.revision_newest(&tx, deployment.tool).await? + 1;
    let revision = Revision {
        number,
        deployment: deployment.id,
        created: now,
        by: deployment.by.clone(),
        description: deployment.description.clone(),
        source: deployment.source.clone(),
        resolved_ref: deployment.progress.resolved_ref.clone(),
        image: deployment.progress.image.clone(),
        component: deployment.component.clone(),
        command: deployment.progress.command.clone(),
        port: deployment.port,
        publish: deployment.publish,
        kept: true,
    };
    cx.store.revision_add(&tx, deployment.tool, &revision).await?;
    deployment.revision = Some(number);
    deployment.state = DeploymentState::Successful;
    deployment.said = format!("revision {number} runs");
    over(cx, tx, deployment).await
}

/// What was done was taken back, and what ran before still does.
pub async fn without_revision(cx: &Cx, deployment: &mut Deployment, failure: &Failure) -> Result<()> {
    let tx = cx.store.begin().await?;
    let running = cx.store.revision_newest(&tx, deployment.tool).await?;
    deployment.still_running = (running > 0).then_some(running);
    deployment.state = failure.state;
    deployment.said = failure.said.clone();
    over(cx, tx, deployment).await
}

async fn over(cx: &Cx, tx: Tx, deployment: &mut Deployment) -> Result<()> {
    deployment.ended = Some(cx.now());
    let active = std::mem::take(&mut deployment.active);
    cx.store.deployment_save(&tx, deployment).await?;
    if active {
        next(cx, &tx, deployment.tool).await?;
    }
    tx.commit().await
}

/// The tool's place is free: whoever waits longest has it.
pub async fn next(cx: &Cx, tx: &Tx, tool: ToolId) -> Result<()> {
    let waiting = cx.store.deployment_queue(tx, tool).await?;
    let Some(next) = waiting.first() else { return Ok(()) };
    cx.store.deployment_activate(tx, next).await?;
    cx.store.queue.enqueue(tx, DEPLOY_TASK, &next.id.to_string(), &next.id, cx.now()).await
}

/// Notes why a deployment will end. What it did is taken back after that.
pub async fn fail(cx: &Cx, deployment: &mut Deployment, error: &Error) -> Result<()> {
    let state = match error.kind() {
        hearth_base::Kind::Timeout => DeploymentState::TimedOut,
        _ => DeploymentState::Failed,
    };
    let said = error.sentences().collect::<Vec<_>>().join("\n");
    let now = cx.now();
    for step in deployment.steps.iter_mut().filter(|step| step.state == StepState::Running) {
        step.state = StepState::Failed;
        step.message.clone_from(&said);
        step.ended = Some(now);
    }
    deployment.said.clone_from(&said);
    deployment.failure =
        Some(Failure { state, code: error.code().to_owned(), said, help: error.next().map(str::to_owned) });
    save(cx, deployment).await
}

/// Writes a deployment back.
pub async fn save(cx: &Cx, deployment: &mut Deployment) -> Result<()> {
    let tx = cx.store.begin().await?;
    cx.store.deployment_save(&tx, deployment).await?;
    tx.commit().await
}
