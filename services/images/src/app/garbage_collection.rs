//! Garbage collection of manifests, blobs and stored content.
//!
//! A manifest is deleted when no tag, no pin and no index refers to it, and its subject is not there; a blob is removed from a repository
//! when no manifest of the repository refers to it; content is deleted when no repository links it. Each is
//! deleted only after the grace period, because a push sends blobs before the manifest that refers to them,
//! and a caller of `resolve` pins the image a moment later. Rows are deleted first, under the same row locks
//! as new uses take; content is deleted by its own id, which no later upload reuses.

use futures::TryStreamExt;
use hearth_base::Result;
use hearth_kit::log_error;
use jiff::Timestamp;

use super::referrers;
use crate::context::ImagesContext;

/// Runs one garbage collection.
pub async fn collect_garbage(cx: &ImagesContext) -> Result<()> {
    expire_uploads(cx, None, cx.grace_cutoff()).await?;
    collect_incoming(cx).await?;
    collect_repositories(cx, None, cx.grace_cutoff()).await?;
    collect_content(cx, cx.grace_cutoff()).await?;
    delete_garbage(cx).await?;
    delete_orphaned_content(cx).await
}

/// Deletes what one owner has not used since `since` from its repositories.
pub async fn collect_owner(cx: &ImagesContext, owner: &str, since: Timestamp) -> Result<()> {
    expire_uploads(cx, Some(owner), since).await?;
    collect_incoming(cx).await?;
    collect_repositories(cx, Some(owner), since).await
}

/// Gives up content that was being received by a killed process.
async fn collect_incoming(cx: &ImagesContext) -> Result<()> {
    loop {
        let tx = cx.store.begin().await?;
        let stale = cx.store.collect_incoming(&tx, cx.incoming_cutoff()).await?;
        tx.commit().await?;
        if stale == 0 {
            return Ok(());
        }
    }
}

/// Ends uploads, of one owner or of all, that have received nothing since `since`.
async fn expire_uploads(cx: &ImagesContext, owner: Option<&str>, since: Timestamp) -> Result<()> {
    loop {
        let old = cx.store.list_idle_uploads(owner, since).await?;
        if old.is_empty() {
            return Ok(());
        }
        for upload in old {
            let tx = cx.store.begin().await?;
            cx.store.end_upload(&tx, &upload, None).await?;
            tx.commit().await?;
        }
    }
}

/// Deletes unreferenced manifests of each repository, then its unreferenced blobs, then the repository if it
/// is empty.
async fn collect_repositories(cx: &ImagesContext, owner: Option<&str>, since: Timestamp) -> Result<()> {
    let mut after = None;
    loop {
        let ids = cx.store.list_repository_ids(owner, after).await?;
        let Some(last) = ids.last() else { return Ok(()) };
        after = Some(*last);
        for id in ids {
            referrers::examine_manifests(cx, id).await?;
            loop {
                let tx = cx.store.begin().await?;
                cx.store.lock_repository(&tx, id).await?;
                let manifests = cx.store.collect_manifests(&tx, id, since).await?;
                if manifests == 0 {
                    cx.store.collect_links(&tx, id, since).await?;
                    cx.store.collect_repository(&tx, id, since).await?;
                }
                tx.commit().await?;
                if manifests == 0 {
                    break;
                }
            }
        }
    }
}

/// Marks content as garbage that no repository links and that was last linked before `since`.
pub async fn collect_content(cx: &ImagesContext, since: Timestamp) -> Result<()> {
    loop {
        let tx = cx.store.begin().await?;
        let examined = cx.store.collect_content(&tx, since).await?;
        tx.commit().await?;
        if examined == 0 {
            return Ok(());
        }
    }
}

/// Deletes the content that is marked as garbage. May run several times at once.
pub async fn delete_garbage(cx: &ImagesContext) -> Result<()> {
    loop {
        let garbage = cx.store.list_garbage().await?;
        if garbage.is_empty() {
            return Ok(());
        }
        for blob in &garbage {
            cx.blobs.delete(*blob).await?;
        }
        let tx = cx.store.begin().await?;
        for blob in garbage {
            cx.store.delete_garbage(&tx, blob).await?;
        }
        tx.commit().await?;
    }
}

/// Deletes garbage; an error is logged and left to the next collection.
pub async fn delete_garbage_or_log(cx: &ImagesContext) {
    if let Err(error) = delete_garbage(cx).await {
        log_error!(&error, "unused content not deleted; will retry");
    }
}

/// Deletes content without a row, left by a process that ended between writing the content and its row. Only
/// content older than [`ImagesContext::orphan_cutoff`] is deleted: a younger one may still get its row.
async fn delete_orphaned_content(cx: &ImagesContext) -> Result<()> {
    let began = cx.orphan_cutoff();
    let mut stored_blobs = cx.blobs.list();
    while let Some(found) = stored_blobs.try_next().await? {
        if found.written_at < began && !cx.store.is_referenced(found.id).await? {
            tracing::info!(id = %found.id, "orphaned content deleted");
            cx.blobs.delete(found.id).await?;
        }
    }
    Ok(())
}
