//! Members of tools. Each tool has at least one owner.

use hearth_base::{Error, Result, ToolId, ToolName, ToolRole, UserName};

use hearth_kit::db::Tx;

use crate::{
    context::{AccountsContext, RequestActor},
    store::Member,
};

/// Sets the role of a member. Below maintainer, the member's tool tokens and mandates for the tool are
/// revoked.
pub async fn set_member(
    cx: &AccountsContext,
    actor: &RequestActor,
    tool: (ToolId, &ToolName),
    user: &UserName,
    role: ToolRole,
) -> Result<Member> {
    let member = cx.store.find_user(user).await?.ok_or_else(|| {
        Error::not_found("user", user).help("ask an operator of this Hearth to invite the user first")
    })?;
    let tx = cx.store.begin().await?;
    cx.store.lock_tool(&tx, tool.0).await?;
    cx.require_role(&tx, actor, tool.0, ToolRole::Owner).await?;
    if role < ToolRole::Maintainer {
        cx.store.delete_tool_tokens(&tx, tool.0, Some(member.id)).await?;
        cx.store.end_user_mandates(&tx, member.id, Some(tool.0), actor.now).await?;
    }
    cx.store.set_member(&tx, tool.0, member.id, role, actor.now).await?;
    require_owner(cx, &tx, tool, user).await?;
    cx.record_audit_entry(&tx, actor, "member.set", Some(tool), format!("{user} {role}")).await?;
    cx.append_access_changed(&tx, actor, tool.0).await?;
    tx.commit().await?;
    Ok(Member { user: member.name, role, since: actor.now })
}

/// Removes a member, and revokes the tool tokens that the member created. Returns the number of tokens.
pub async fn remove_member(
    cx: &AccountsContext,
    actor: &RequestActor,
    tool: (ToolId, &ToolName),
    user: &UserName,
) -> Result<u64> {
    let none = || Error::not_found("member", user).help("hearth tool members");
    let member = cx.store.find_user(user).await?.ok_or_else(none)?;
    let tx = cx.store.begin().await?;
    cx.store.lock_tool(&tx, tool.0).await?;
    cx.require_role(&tx, actor, tool.0, ToolRole::Owner).await?;
    cx.store.find_member_role_in(&tx, tool.0, member.id).await?.ok_or_else(none)?;
    cx.store.remove_member(&tx, tool.0, member.id).await?;
    require_owner(cx, &tx, tool, user).await?;
    let tokens = cx.store.delete_tool_tokens(&tx, tool.0, Some(member.id)).await?;
    cx.store.end_user_mandates(&tx, member.id, Some(tool.0), actor.now).await?;
    cx.record_audit_entry(&tx, actor, "member.remove", Some(tool), user).await?;
    cx.append_access_changed(&tx, actor, tool.0).await?;
    tx.commit().await?;
    Ok(tokens)
}

async fn require_owner(
    cx: &AccountsContext,
    tx: &Tx,
    (tool, name): (ToolId, &ToolName),
    user: &UserName,
) -> Result<()> {
    if cx.store.count_owners(tx, tool).await? > 0 {
        return Ok(());
    }
    Err(Error::conflict("last-owner", format!("{user} is the last owner of {name}"))
        .help("make another member an owner first, or delete the tool"))
}
