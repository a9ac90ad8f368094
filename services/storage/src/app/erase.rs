//! Erases the home of a deleted tool.

use hearth_base::{Result, ToolId};

use crate::context::StorageContext;

/// Erases the home of a deleted tool, if this service has opened it; `jobs` erases that of a tool with jobs.
/// `tool-still-runs` (conflict) until its containers have ended: the cleanup is retried.
pub async fn erase_home(cx: &StorageContext, tool: ToolId) -> Result<()> {
    if !cx.store.has_home(tool).await? {
        return Ok(());
    }
    cx.runtime.erase_tool(tool).await?;
    let tx = cx.store.begin().await?;
    cx.store.delete_home(&tx, tool).await?;
    tx.commit().await
}
