//! Ending a tool: it is frozen at once, every service erases what it had, and then its name is free.

use hearth_base::{Error, Result, Role, ToolId, ToolRole};
use hearth_kit::db::Tx;
use hearth_wire::accounts::internal::{ToolEvent, ToolOnly};

use crate::{
    cx::{By, Cx},
    store::Tool,
};

/// Begins a tool's end: its tokens are revoked, nobody can change it any more, and each service that keeps
/// something of tools has the duty to erase it. Two at once are one.
pub async fn begin(cx: &Cx, by: &By, id: ToolId) -> Result<Tool> {
    let tx = cx.store.begin().await?;
    let mut tool = cx.store.tool_locked(&tx, id).await?;
    if tool.deleting {
        return Ok(tool);
    }
    cx.still(&tx, by, id, ToolRole::Owner).await?;
    tool.deleting = true;
    cx.store.tool_deleting(&tx, id).await?;
    cx.store.token_revoke_of_tool(&tx, id, None).await?;
    cx.store.run_token_revoke_of_tool(&tx, id).await?;
    for service in Role::KEEPERS {
        cx.store.duty_add(&tx, id, *service).await?;
    }
    cx.audit(&tx, by, "tool.delete", Some((id, &tool.name)), &tool.name).await?;
    cx.append_event(&tx, by, &ToolEvent::Erased(ToolOnly { tool: id })).await?;
    cx.append_access_changed(&tx, by, id).await?;
    if Role::KEEPERS.is_empty() {
        end(cx, &tx, by, &tool).await?;
    }
    tx.commit().await?;
    Ok(tool)
}

/// A service has erased what a tool had. The last one frees the name.
pub async fn acknowledge(cx: &Cx, by: &By, id: ToolId, service: Role) -> Result<()> {
    let tx = cx.store.begin().await?;
    let tool = match cx.store.tool_locked(&tx, id).await {
        Err(error) if error.code() == "no-such-tool" => return Ok(()),
        found => found?,
    };
    if !tool.deleting {
        return Err(Error::conflict("tool-alive", format!("the tool {id} is not being ended")));
    }
    cx.store.duty_done(&tx, id, service).await?;
    if cx.store.duty_count(&tx, id).await? == 0 {
        end(cx, &tx, by, &tool).await?;
    }
    tx.commit().await
}

async fn end(cx: &Cx, tx: &Tx, by: &By, tool: &Tool) -> Result<()> {
    cx.store.member_remove_all(tx, tool.id).await?;
    cx.store.tool_free_name(tx, tool.id).await?;
    cx.audit(tx, by, "tool.end", Some((tool.id, &tool.name)), &tool.name).await?;
    cx.append_access_changed(tx, by, tool.id).await
}
