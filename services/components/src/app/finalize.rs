//! Finalization of an ended deployment: its mandate ends and unused images are unpinned.

use hearth_base::Result;
use hearth_wire::components::{DeploymentState, StepName, StepState};

use super::{image_pins::unpin_images, preview_images};
use crate::{context::ComponentsContext, store::Deployment};

/// Ends the mandate and unpins the images that no kept revision uses. A repeated call changes nothing.
pub async fn finalize_deployment(cx: &ComponentsContext, deployment: &Deployment) -> Result<()> {
    if let Some(mandate) = deployment.mandate {
        cx.clients.end_mandate(mandate).await?;
    }
    if deployment.state != DeploymentState::Successful {
        if may_have_pinned_images(deployment) {
            let kept = deployment.kept_components.iter().flatten();
            unpin_images(cx, deployment.id, deployment.components.keys().chain(kept)).await?;
        }
    } else if let Some(number) = deployment.find_preview() {
        preview_images::release_images(cx, deployment, number).await?;
    } else {
        for old in
            cx.store.list_revisions_to_unpin(deployment.tool, cx.settings.revisions_kept.max(1)).await?
        {
            unpin_images(cx, old.deployment, old.list_components().keys()).await?;
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

/// True if the deployment may have pinned images: the answer to a pin request may have been lost.
fn may_have_pinned_images(deployment: &Deployment) -> bool {
    let mut steps = deployment.steps.iter();
    steps.any(|step| step.name == StepName::Check && step.state != StepState::Waiting)
}
