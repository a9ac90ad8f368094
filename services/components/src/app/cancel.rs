//! Cancellation and deletion of a deployment.

use hearth_base::{Error, Result, ToolId};
use hearth_wire::components::{DeploymentId, DeploymentState};

use super::{completion, create::DEPLOY_TASK};
use crate::{
    context::ComponentsContext,
    store::{Deployment, DeploymentFailure},
};

/// Cancels a deployment that has not ended. The tool's next deployment becomes active at once, but starts only
/// after the worker has rolled this one back.
pub async fn cancel_deployment(cx: &ComponentsContext, tool: ToolId, id: DeploymentId) -> Result<Deployment> {
    cancel_or_delete_deployment(cx, tool, id, false).await
}

/// Marks a deployment as deleted and cancels it if it has not ended. The worker deletes its row after it is
/// finalized.
pub async fn delete_deployment(cx: &ComponentsContext, tool: ToolId, id: DeploymentId) -> Result<Deployment> {
    cancel_or_delete_deployment(cx, tool, id, true).await
}

async fn cancel_or_delete_deployment(
    cx: &ComponentsContext,
    tool: ToolId,
    id: DeploymentId,
    delete: bool,
) -> Result<Deployment> {
    let missing = || Error::not_found("deployment", id);
    let tx = cx.store.begin().await?;
    let found = cx.store.lock_deployment(&tx, id).await?;
    let mut deployment = found.filter(|found| found.tool == tool && !found.deleted).ok_or_else(missing)?;
    let has_ended = deployment.ended.is_some();
    if has_ended && !delete {
        return Err(Error::conflict("deployment-ended", format!("the deployment {id} has ended"))
            .help("hearth deploy (starts another one)"));
    }
    deployment.deleted = delete;
    if !has_ended && deployment.state != DeploymentState::Cancelling {
        deployment.state = DeploymentState::Cancelling;
        deployment.message = "it is being cancelled".to_owned();
        deployment.failure = Some(DeploymentFailure {
            state: DeploymentState::Cancelled,
            code: "deployment-cancelled".to_owned(),
            message: "it was cancelled".to_owned(),
            help: None,
        });
    }
    let active = std::mem::take(&mut deployment.active);
    cx.store.save_deployment(&tx, &mut deployment).await?;
    if active {
        completion::activate_next_deployment(cx, &tx, tool).await?;
    }
    cx.store.queue.enqueue(&tx, DEPLOY_TASK, &id.to_string(), &id, cx.now()).await?;
    tx.commit().await?;
    Ok(deployment)
}
