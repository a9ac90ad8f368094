//! The images that a preview keeps: those of its newest successful deployment. A preview has no revisions.

use hearth_base::{PreviewNumber, Result, ToolId};
use hearth_kit::db::Tx;

use super::image_pins::unpin_images;
use crate::{
    context::ComponentsContext,
    store::{Deployment, PinnedDeployment, PreviewContent},
};

/// Records the images of a deployment of a preview that has succeeded, in the transaction that ends it.
pub async fn record_images(
    cx: &ComponentsContext,
    tx: &Tx,
    deployment: &Deployment,
    number: PreviewNumber,
) -> Result<()> {
    let Some(mut preview) = cx.store.lock_preview(tx, deployment.tool, number).await? else { return Ok(()) };
    let components = deployment.components.keys().cloned().collect();
    let current = PinnedDeployment { deployment: deployment.id, components };
    preview.content.replaced.extend(preview.content.current.replace(current));
    cx.store.save_preview(tx, &preview).await
}

/// Unpins the images that a successful deployment of a preview has replaced, or its own if the preview has ended since. A
/// repeated call changes nothing.
pub async fn release_images(
    cx: &ComponentsContext,
    deployment: &Deployment,
    number: PreviewNumber,
) -> Result<()> {
    let found = cx.store.find_preview(deployment.tool, number).await?;
    let content = found.map(|preview| preview.content).unwrap_or_default();
    let is_current = content.current.as_ref().is_some_and(|current| current.deployment == deployment.id);
    if !is_current {
        unpin_images(cx, deployment.id, deployment.components.keys()).await?;
    }
    for replaced in &content.replaced {
        unpin_images(cx, replaced.deployment, replaced.components.iter()).await?;
    }
    if content.replaced.is_empty() {
        return Ok(());
    }
    let tx = cx.store.begin().await?;
    if let Some(mut preview) = cx.store.lock_preview(&tx, deployment.tool, number).await? {
        preview.content.replaced.retain(|one| !content.replaced.contains(one));
        cx.store.save_preview(&tx, &preview).await?;
    }
    tx.commit().await
}

/// Unpins all images of a preview.
pub async fn unpin_preview(cx: &ComponentsContext, tool: ToolId, number: PreviewNumber) -> Result<()> {
    let Some(preview) = cx.store.find_preview(tool, number).await? else { return Ok(()) };
    let PreviewContent { current, replaced } = &preview.content;
    for pinned in current.iter().chain(replaced) {
        unpin_images(cx, pinned.deployment, pinned.components.iter()).await?;
    }
    Ok(())
}
