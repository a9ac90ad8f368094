//! What is left to do when a deployment is over.

use hearth_base::{Result, Role};
use hearth_wire::components::{DeploymentId, DeploymentState, StepName, StepState};

use crate::{cx::Cx, store::Deployment};

/// By which name a deployment relies on its image, and the revision that it left after it.
pub fn holder(id: DeploymentId) -> String {
    format!("components:{id}")
}

/// Ends the mandate, and lets go of images that nobody goes back to. Done twice, it is done once.
pub async fn settle(cx: &Cx, deployment: &Deployment) -> Result<()> {
    if let Some(mandate) = deployment.mandate {
        cx.clients.mandate_end(mandate).await?;
    }
    if deployment.state != DeploymentState::Successful {
        if relies_on_image(deployment) {
            unpin(cx, deployment.id).await?;
        }
    } else {
        for old in cx.store.revisions_to_let_go(deployment.tool, cx.settings.revisions_kept.max(1)).await? {
            unpin(cx, old.deployment).await?;
            let tx = cx.store.begin().await?;
            cx.store.revision_let_go(&tx, deployment.tool, old.number).await?;
            tx.commit().await?;
        }
    }
    if deployment.deleted {
        let tx = cx.store.begin().await?;
        cx.store.deployment_forget(&tx, deployment.id).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Whether an image may be kept for a deployment: the answer to that may never have come.
fn relies_on_image(deployment: &Deployment) -> bool {
    let mut steps = deployment.steps.iter();
    steps.any(|step| step.name == StepName::Check && step.state != StepState::Waiting)
}

async fn unpin(cx: &Cx, id: DeploymentId) -> Result<()> {
    cx.clients.of(Role::Images)?.images_internal().unpin(&holder(id)).await.map(|_| ())
}
