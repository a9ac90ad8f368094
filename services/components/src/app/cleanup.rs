//! Deletion of the data of a deleted tool.

use hearth_base::{Result, ToolId};

use crate::context::ComponentsContext;

/// Deletes the deployments, revisions, configuration, previews and linked repositories of a tool. `images` deletes the pins of the
/// tool itself. The worker of a running deployment finds that its row is missing, and stops.
pub async fn delete_tool_data(cx: &ComponentsContext, tool: ToolId) -> Result<()> {
    let tx = cx.store.begin().await?;
    cx.store.delete_tool_deployments(&tx, tool).await?;
    cx.store.delete_tool_revisions(&tx, tool).await?;
    cx.store.delete_config(&tx, tool).await?;
    cx.store.delete_tool_previews(&tx, tool).await?;
    cx.store.delete_tool_deliveries(&tx, tool).await?;
    cx.store.delete_tool_links(&tx, tool).await?;
    tx.commit().await
}
