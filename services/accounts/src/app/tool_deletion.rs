//! Deletion of tools: the tool becomes read-only, each service with data of tools gets a finalizer, and the
//! last finalizer leaves a tombstone of the name.

use hearth_base::{Error, Result, Role, ToolId, ToolRole};
use hearth_kit::db::Tx;
use hearth_wire::accounts::internal::{ToolEvent, ToolOnly};

use crate::{
    context::{AccountsContext, RequestActor},
    store::StoredTool,
};

/// Begins the deletion of a tool: revokes its tokens, makes it read-only, and adds a finalizer for each
/// service with data of tools. May be repeated.
pub async fn begin_deletion(cx: &AccountsContext, actor: &RequestActor, id: ToolId) -> Result<StoredTool> {
    let tx = cx.store.begin().await?;
    let mut tool = cx.store.lock_tool(&tx, id).await?;
    if tool.deleting {
        return Ok(tool);
    }
    cx.require_role(&tx, actor, id, ToolRole::Owner).await?;
    tool.deleting = true;
    cx.store.mark_tool_deleting(&tx, id).await?;
    cx.store.delete_tool_tokens(&tx, id).await?;
    cx.store.delete_deploy_token(&tx, id).await?;
    cx.store.delete_member_offers(&tx, id, None).await?;
    cx.store.delete_tool_run_tokens(&tx, id).await?;
    cx.store.withdraw_open_requests(&tx, id, &actor.who, actor.now).await?;
    for service in Role::WITH_TOOL_FINALIZERS {
        cx.store.insert_finalizer(&tx, id, *service).await?;
    }
    cx.record_audit_entry(&tx, actor, "tool.delete", Some((id, &tool.name)), &tool.name).await?;
    cx.append_event(&tx, actor, &ToolEvent::Erased(ToolOnly { tool: id })).await?;
    cx.append_access_changed(&tx, actor, id).await?;
    if Role::WITH_TOOL_FINALIZERS.is_empty() {
        finish_deletion(cx, &tx, actor, &tool).await?;
    }
    tx.commit().await?;
    Ok(tool)
}

/// Removes the finalizer of a service that has erased a tool's data. The last one releases the name.
pub async fn acknowledge_erasure(
    cx: &AccountsContext,
    actor: &RequestActor,
    id: ToolId,
    service: Role,
) -> Result<()> {
    let tx = cx.store.begin().await?;
    let tool = match cx.store.lock_tool(&tx, id).await {
        // Release 0.1.0, after a roll-back, ends a deletion without the services that it does not know.
        Err(error) if error.code() == "no-such-tool" => {
            cx.store.delete_finalizer(&tx, id, service).await?;
            return tx.commit().await;
        }
        found => found?,
    };
    if !tool.deleting {
        return Err(Error::conflict("tool-not-deleting", format!("the tool {id} is not being deleted")));
    }
    cx.store.delete_finalizer(&tx, id, service).await?;
    if cx.store.count_finalizers(&tx, id).await? == 0 {
        finish_deletion(cx, &tx, actor, &tool).await?;
    }
    tx.commit().await
}

async fn finish_deletion(
    cx: &AccountsContext,
    tx: &Tx,
    actor: &RequestActor,
    tool: &StoredTool,
) -> Result<()> {
    cx.store.remove_all_members(tx, tool.id).await?;
    cx.store.release_tool_name(tx, tool.id, actor.now).await?;
    cx.record_audit_entry(tx, actor, "tool.end", Some((tool.id, &tool.name)), &tool.name).await?;
    cx.append_access_changed(tx, actor, tool.id).await
}
