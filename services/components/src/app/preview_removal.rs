//! The end of a preview: its merge request was closed, its time is over, or a maintainer deletes it.

use hearth_base::{Access, EnvironmentName, ErrorKind, PreviewNumber, Result, Role, Scope, Scopes, ToolId};
use hearth_kit::tool_state;
use hearth_wire::components::{DeploymentState, ForgeDeliveryId, ForgeDeliveryOutcome};
use jiff::SignedDuration;

use super::{
    cancel,
    environment_jobs::delete_environment_jobs,
    mandates::end_unused_mandate,
    preview_images::unpin_preview,
    push_deployments::{self, PUSH_TASK, PushKey},
};
use crate::{
    context::ComponentsContext,
    forge::find_merge_request,
    store::{PreviewContent, StoredLink},
};

/// The pause before the next look at the deployments that are being cancelled.
const CANCELLATION_PAUSE: SignedDuration = SignedDuration::from_secs(1);

/// A preview whose merge request was closed, or that was deleted meanwhile.
#[derive(Debug)]
pub struct ClosedPreview {
    link: StoredLink,
    number: PreviewNumber,
}

/// Finds the preview that is to be deleted for the waiting deliveries of a ref; `None` for a branch, and for an open merge
/// request.
pub async fn find_closed_preview(cx: &ComponentsContext, key: &PushKey) -> Result<Option<ClosedPreview>> {
    let Some(number) = find_merge_request(&key.reference) else { return Ok(None) };
    let Some(link) = cx.store.find_link(key.link).await? else { return Ok(None) };
    let found = cx.store.find_preview(link.tool, number).await?;
    let is_open = found.is_some_and(|found| found.link == link.id && found.closed_at.is_none());
    Ok((!is_open).then_some(ClosedPreview { link, number }))
}

/// Deletes a preview whose merge request was closed, in the name of the owner of the link, and ends the waiting deliveries.
/// Returns only transient errors; with `last`, the last attempt, a transient error ends the deliveries too.
///
/// The deployments of the preview are cancelled first: a rollback creates deleted jobs again. If the owner has lost the
/// right, the jobs stay until the end of the preview.
pub async fn remove_preview(
    cx: &ComponentsContext,
    closed: &ClosedPreview,
    key: &PushKey,
    last: bool,
) -> Result<()> {
    let ClosedPreview { link, number } = closed;
    let number = *number;
    if !cancel_deployments(cx, link.tool, number).await? {
        return wait_for_rollbacks(cx, key).await;
    }
    match delete_jobs(cx, link, number).await {
        Err(error) if error.kind().is_transient() && !last => return Err(error),
        Err(error) => {
            tracing::info!(link = %link.id, code = error.code(), "preview not deleted; its jobs expire");
            return push_deployments::fail_waiting_pushes(cx, link, key, &error).await;
        }
        Ok(()) => {}
    }
    unpin_preview(cx, link.tool, number).await?;
    let tx = cx.store.begin().await?;
    if tool_state::lock_tool(&tx, link.tool).await? != tool_state::ToolState::Exists {
        return Ok(());
    }
    match cx.store.lock_preview(&tx, link.tool, number).await? {
        // It was opened again meanwhile: the task runs again for its delivery.
        Some(mut reopened) if reopened.closed_at.is_none() => {
            reopened.content = PreviewContent::default();
            cx.store.save_preview(&tx, &reopened).await?;
        }
        _ => {
            cx.store.delete_preview(&tx, link.tool, number).await?;
            let waiting = cx.store.lock_waiting_deliveries(&tx, link.id, &key.reference).await?;
            let ids: Vec<ForgeDeliveryId> = waiting.iter().map(|delivery| delivery.id).collect();
            let reason = "the preview is deleted";
            cx.store.end_deliveries(&tx, &ids, ForgeDeliveryOutcome::Removed, reason, None).await?;
        }
    }
    tx.commit().await
}

/// Cancels the deployments of a preview. Returns true once all of them have ended.
async fn cancel_deployments(cx: &ComponentsContext, tool: ToolId, number: PreviewNumber) -> Result<bool> {
    let name = EnvironmentName::from_preview(number);
    let unfinished = cx.store.list_unfinished_deployments(tool, name.as_str()).await?;
    for deployment in unfinished.iter().filter(|one| one.state != DeploymentState::Cancelling) {
        match cancel::cancel_deployment(cx, tool, deployment.id).await {
            // It has ended, or is being deleted.
            Err(error) if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::NotFound) => {}
            cancelled => drop(cancelled?),
        }
    }
    Ok(unfinished.is_empty())
}

/// Runs the task again after a pause, with the full number of attempts.
async fn wait_for_rollbacks(cx: &ComponentsContext, key: &PushKey) -> Result<()> {
    let tx = cx.store.begin().await?;
    let due = cx.now() + CANCELLATION_PAUSE;
    cx.store.queue.enqueue(&tx, PUSH_TASK, &key.to_item_key(), key, due).await?;
    tx.commit().await
}

async fn delete_jobs(cx: &ComponentsContext, link: &StoredLink, number: PreviewNumber) -> Result<()> {
    let name = EnvironmentName::from_preview(number);
    let scopes = Scopes::from_scopes([Scope::Tools(Some(Role::Jobs), Access::Write)]);
    let mandate =
        push_deployments::derive_mandate(cx, link, scopes, format!("delete preview {name}")).await?;
    let deleted = delete_environment_jobs(cx, mandate, &name).await;
    end_unused_mandate(cx, mandate).await;
    match deleted {
        // It never ran, or its time was over.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        deleted => deleted.map(drop),
    }
}

/// Cancels the queued deployments of a preview whose jobs a maintainer deletes, and forgets it: the next commit makes it
/// again.
pub async fn forget_preview(cx: &ComponentsContext, tool: ToolId, number: PreviewNumber) -> Result<()> {
    cancel_deployments(cx, tool, number).await?;
    unpin_preview(cx, tool, number).await?;
    let tx = cx.store.begin().await?;
    tool_state::lock_existing_tool(&tx, tool).await?;
    cx.store.delete_preview(&tx, tool, number).await?;
    tx.commit().await
}

/// Unpins the images of previews whose time is over, and deletes their rows; `jobs` has deleted their jobs. One with a
/// running deployment is left for the next time.
pub async fn delete_expired_previews(cx: &ComponentsContext) -> Result<()> {
    for expired in cx.store.list_expired_previews(cx.now()).await? {
        let name = EnvironmentName::from_preview(expired.number);
        if !cx.store.list_unfinished_deployments(expired.tool, name.as_str()).await?.is_empty() {
            continue;
        }
        unpin_preview(cx, expired.tool, expired.number).await?;
        let tx = cx.store.begin().await?;
        let current = cx.store.lock_preview(&tx, expired.tool, expired.number).await?;
        // A new commit may have prolonged it.
        if current.is_some_and(|current| current == expired) {
            cx.store.delete_preview(&tx, expired.tool, expired.number).await?;
        }
        tx.commit().await?;
    }
    Ok(())
}
