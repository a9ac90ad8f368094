//! Erasure of a deleted tool's images.

use hearth_base::{Result, ToolId};

use super::garbage_collection;
use crate::context::ImagesContext;

/// Erases all images and pins of a tool, then the content that no other repository links. May be repeated.
pub async fn erase_tool_images(cx: &ImagesContext, tool: ToolId) -> Result<()> {
    let tx = cx.store.begin().await?;
    cx.store.erase_pins(&tx, tool).await?;
    tx.commit().await?;
    let owner = tool.to_string();
    loop {
        let ids = cx.store.list_repository_ids(Some(&owner), None).await?;
        if ids.is_empty() {
            break;
        }
        for id in ids {
            let tx = cx.store.begin().await?;
            cx.store.lock_repository(&tx, id).await?;
            cx.store.erase_repository(&tx, id).await?;
            tx.commit().await?;
        }
    }
    garbage_collection::collect_content(cx, cx.grace_cutoff()).await?;
    garbage_collection::delete_garbage(cx).await
}
