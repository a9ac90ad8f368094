//! Quotas of tools.

use hearth_base::{Result, ToolId, ToolName};
use hearth_kit::db::Tx;
use hearth_wire::tools::{Quota, QuotaPatch};

use crate::context::{AccountsContext, RequestActor};

/// Finds the quota of a tool: the default with the operators' changes.
pub async fn find_quota(cx: &AccountsContext, tool: ToolId) -> Result<Quota> {
    Ok(cx.store.find_quota_changes(tool).await?.apply_to(&cx.settings.quota))
}

/// Changes the quota of a tool.
pub async fn patch_quota(
    cx: &AccountsContext,
    actor: &RequestActor,
    tool: (ToolId, &ToolName),
    patch: &QuotaPatch,
) -> Result<Quota> {
    let tx = cx.store.begin().await?;
    cx.store.lock_tool(&tx, tool.0).await?;
    cx.require_operator(&tx, actor).await?;
    let quota = apply_patch(cx, &tx, actor, tool, patch).await?;
    tx.commit().await?;
    Ok(quota)
}

/// Applies changes of a quota under the tool's lock, for an actor who is known to be an operator.
pub async fn apply_patch(
    cx: &AccountsContext,
    tx: &Tx,
    actor: &RequestActor,
    tool: (ToolId, &ToolName),
    patch: &QuotaPatch,
) -> Result<Quota> {
    let changes = cx.store.find_quota_changes_in(tx, tool.0).await?.merge_with(patch);
    cx.store.set_quota_changes(tx, tool.0, &changes).await?;
    let patch_text = serde_json::to_string(patch).unwrap_or_default();
    cx.record_audit_entry(tx, actor, "quota.patch", Some(tool), patch_text).await?;
    Ok(changes.apply_to(&cx.settings.quota))
}
