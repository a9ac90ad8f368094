//! How much a tool may use.

use hearth_base::{Result, ToolId, ToolName};
use hearth_wire::tools::{Quota, QuotaPatch};

use crate::cx::{By, Cx};

/// A tool's quota: the default with what operators changed.
pub async fn of(cx: &Cx, tool: ToolId) -> Result<Quota> {
    Ok(cx.store.quota(tool).await?.over(&cx.settings.quota))
}

/// Changes a tool's quota.
pub async fn patch(cx: &Cx, by: &By, tool: (ToolId, &ToolName), patch: &QuotaPatch) -> Result<Quota> {
    let tx = cx.store.begin().await?;
    cx.store.tool_locked(&tx, tool.0).await?;
    cx.still_operator(&tx, by).await?;
    let changes = cx.store.quota_in(&tx, tool.0).await?.then(patch);
    cx.store.quota_save(&tx, tool.0, &changes).await?;
    let told = serde_json::to_string(patch).unwrap_or_default();
    cx.audit(&tx, by, "quota.patch", Some(tool), told).await?;
    tx.commit().await?;
    Ok(changes.over(&cx.settings.quota))
}
