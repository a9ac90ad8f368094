//! Taking a deployment back.

use hearth_base::{Error, Result, ToolId};
use hearth_wire::components::{DeploymentId, DeploymentState};

use super::{create::DEPLOY_TASK, end};
use crate::{
    cx::Cx,
    store::{Deployment, Failure},
};

/// Takes a deployment back that is not over. Its place is free at once; what it did is undone by the worker, and
/// the tool's next deployment waits for that.
pub async fn cancel(cx: &Cx, tool: ToolId, id: DeploymentId) -> Result<Deployment> {
    change(cx, tool, id, false).await
}

/// Forgets a deployment; one that is not over is taken back first. The worker does that, once all is settled.
pub async fn delete(cx: &Cx, tool: ToolId, id: DeploymentId) -> Result<Deployment> {
    change(cx, tool, id, true).await
}

async fn change(cx: &Cx, tool: ToolId, id: DeploymentId, delete: bool) -> Result<Deployment> {
    let missing = || Error::not_found("deployment", id);
    let tx = cx.store.begin().await?;
    let found = cx.store.deployment_locked(&tx, id).await?;
    let mut deployment = found.filter(|found| found.tool == tool && !found.deleted).ok_or_else(missing)?;
    let over = deployment.ended.is_some();
    if over && !delete {
        return Err(Error::conflict("deployment-over", format!("the deployment {id} is over")));
    }
    deployment.deleted = delete;
    if !over && deployment.state != DeploymentState::Cancelling {
        deployment.state = DeploymentState::Cancelling;
        deployment.said = "it is being taken back".to_owned();
        deployment.failure = Some(Failure {
            state: DeploymentState::Cancelled,
            code: "deployment-cancelled".to_owned(),
            said: "it was cancelled".to_owned(),
            help: None,
        });
    }
    let active = std::mem::take(&mut deployment.active);
    cx.store.deployment_save(&tx, &mut deployment).await?;
    if active {
        end::next(cx, &tx, tool).await?;
    }
    cx.store.queue.enqueue(&tx, DEPLOY_TASK, &id.to_string(), &id, cx.now()).await?;
    tx.commit().await?;
    Ok(deployment)
}
