//! A tool's end.

use hearth_base::{Result, ToolId};

use crate::cx::Cx;

/// Forgets everything about a tool. Its images are not kept by this service but by `images`, which forgets them
/// too; a deployment that is under way finds that it is gone.
pub async fn erase(cx: &Cx, tool: ToolId) -> Result<()> {
    let tx = cx.store.begin().await?;
    cx.store.deployment_erase(&tx, tool).await?;
    cx.store.revision_erase(&tx, tool).await?;
    tx.commit().await
}
