//! The end of a tool.

use hearth_base::{Result, ToolId};

use super::collect;
use crate::cx::Cx;

/// Erases all images of a tool, and what was relied on in its name. Content goes with the next collection, unless
/// another tool has it too.
pub async fn erase(cx: &Cx, tool: ToolId) -> Result<()> {
    let tx = cx.store.begin().await?;
    cx.store.pins_erase(&tx, tool).await?;
    tx.commit().await?;
    let owner = tool.to_string();
    loop {
        let ids = cx.store.repository_ids(Some(&owner), None).await?;
        if ids.is_empty() {
            break;
        }
        for id in ids {
            let tx = cx.store.begin().await?;
            cx.store.repository_locked(&tx, id).await?;
            cx.store.repository_erase(&tx, id).await?;
            tx.commit().await?;
        }
    }
    collect::content(cx).await?;
    collect::sweep(cx).await
}
