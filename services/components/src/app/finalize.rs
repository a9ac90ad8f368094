//! Finalization of an ended deployment: its mandate ends and unused images are unpinned.

use std::collections::BTreeSet;

use hearth_base::{JobName, Result, Role};
use hearth_wire::components::{DeploymentId, DeploymentState, StepName, StepState};

use crate::{context::ComponentsContext, store::Deployment};

/// Formats the holder name of the pin of a deployment's primary component, which release 0.1.0 knows. The revision of the
/// deployment uses the same pin.
pub fn format_pin_holder(id: DeploymentId) -> String {
    format!("components:{id}")
}

/// Formats the holder name of the pin of another component.
pub fn format_component_pin(id: DeploymentId, component: &JobName) -> String {
    format!("components:{id}:{component}")
}

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

async fn unpin_images(
    cx: &ComponentsContext,
    id: DeploymentId,
    components: impl Iterator<Item = &JobName>,
) -> Result<()> {
    let images = cx.clients.create_client(Role::Images)?;
    images.images_internal().unpin_image(&format_pin_holder(id)).await?;
    for component in components.collect::<BTreeSet<_>>() {
        images.images_internal().unpin_image(&format_component_pin(id, component)).await?;
    }
    Ok(())
}
