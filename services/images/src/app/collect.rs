//! Collecting what nothing relies on any more.
//!
//! A manifest goes when it has no tag, no pin and no index; a blob leaves a repository when no manifest of it needs
//! it; content goes when no repository has it. Each only after a time of grace, for a push brings blobs before
//! the manifest that needs them, and whoever resolves an image pins it a moment later. Rows go first, under the
//! locks that new uses need too; content itself is deleted by its own id, which no new use can have.

use futures::TryStreamExt;
use hearth_base::Result;
use hearth_kit::log_error;

use crate::cx::Cx;

/// One collection.
pub async fn run(cx: &Cx) -> Result<()> {
    uploads(cx).await?;
    repositories(cx).await?;
    content(cx).await?;
    sweep(cx).await?;
    strays(cx).await
}

/// Gives up uploads that nobody goes on with.
async fn uploads(cx: &Cx) -> Result<()> {
    loop {
        let old = cx.store.uploads_untouched(cx.grace_began()).await?;
        if old.is_empty() {
            return Ok(());
        }
        for upload in old {
            let tx = cx.store.begin().await?;
            cx.store.upload_end(&tx, &upload, None).await?;
            tx.commit().await?;
        }
    }
}

async fn repositories(cx: &Cx) -> Result<()> {
    let mut after = None;
    loop {
        let ids = cx.store.repository_ids(None, after).await?;
        let Some(last) = ids.last() else { return Ok(()) };
        after = Some(*last);
        for id in ids {
            loop {
                let tx = cx.store.begin().await?;
                cx.store.repository_locked(&tx, id).await?;
                let manifests = cx.store.collect_manifests(&tx, id, cx.grace_began()).await?;
                if manifests == 0 {
                    cx.store.collect_links(&tx, id, cx.grace_began()).await?;
                }
                tx.commit().await?;
                if manifests == 0 {
                    break;
                }
            }
        }
    }
}

/// Gives up content that no repository has.
pub async fn content(cx: &Cx) -> Result<()> {
    loop {
        let tx = cx.store.begin().await?;
        let looked_at = cx.store.collect_content(&tx, cx.grace_began()).await?;
        tx.commit().await?;
        if looked_at == 0 {
            return Ok(());
        }
    }
}

/// Deletes content that was given up. Several may do so at the same time.
pub async fn sweep(cx: &Cx) -> Result<()> {
    loop {
        let rubbish = cx.store.rubbish().await?;
        if rubbish.is_empty() {
            return Ok(());
        }
        for blob in &rubbish {
            cx.blobs.delete(*blob).await?;
        }
        let tx = cx.store.begin().await?;
        for blob in rubbish {
            cx.store.rubbish_gone(&tx, blob).await?;
        }
        tx.commit().await?;
    }
}

/// The same as an afterthought: what it cannot delete, the next collection will.
pub async fn sweep_soon(cx: &Cx) {
    if let Err(error) = sweep(cx).await {
        log_error!(&error, "unused content not deleted; will retry");
    }
}

/// Deletes content that no row leads to: a process ended between writing one and the other.
async fn strays(cx: &Cx) -> Result<()> {
    let began = cx.strays_began();
    let mut listed = cx.blobs.list();
    while let Some(found) = listed.try_next().await? {
        if found.written < began && !cx.store.is_known(found.id).await? {
            tracing::info!(id = %found.id, "content that no row leads to is deleted");
            cx.blobs.delete(found.id).await?;
        }
    }
    Ok(())
}
