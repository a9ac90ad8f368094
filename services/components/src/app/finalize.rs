//! Finalization of an ended deployment: its mandate ends and unused images are unpinned.

use hearth_base::{Result, Role};
use hearth_wire::components::{DeploymentId, DeploymentState, StepName, StepState};

use crate::{context::ComponentsContext, store::Deployment};

/// Formats the holder name of the pin of a deployment's image. Its revision uses the same pin.
pub fn format_pin_holder(id: DeploymentId) -> String {
    format!("components:{id}")
}

/// Ends the mandate and unpins the images that no kept revision uses. A repeated call changes nothing.
pub async fn finalize_deployment(cx: &ComponentsContext, deployment: &Deployment) -> Result<()> {
    if let Some(mandate) = deployment.mandate {
        cx.clients.end_mandate(mandate).await?;
    }
    if deployment.state != DeploymentState::Successful {
        if may_have_pinned_image(deployment) {
            unpin_image(cx, deployment.id).await?;
        }
    } else {
        for old in
            cx.store.list_revisions_to_unpin(deployment.tool, cx.settings.revisions_kept.max(1)).await?
        {
            unpin_image(cx, old.deployment).await?;
            let tx = cx.store.begin().await?;
            cx.store.mark_revision_unpinned(&tx, deployment.tool, old.number).await?;
            tx.commit().await?;
        }
    }
    if deployment.deleted {
        let tx = cx.store.begin().await?;
        cx.store.delete_deployment(&tx, deployment.id).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// True if the deployment may have pinned an image: the answer to the pin request may have been lost.
fn may_have_pinned_image(deployment: &Deployment) -> bool {
    let mut steps = deployment.steps.iter();
    steps.any(|step| step.name == StepName::Check && step.state != StepState::Waiting)
}

async fn unpin_image(cx: &ComponentsContext, id: DeploymentId) -> Result<()> {
    cx.clients
        .create_client(Role::Images)?
        .images_internal()
        .unpin_image(&format_pin_holder(id))
        .await
        .map(|_| ())
}
