//! Who belongs to a tool. Somebody always owns it.

use hearth_base::{Error, Result, ToolId, ToolName, ToolRole, UserName};

use hearth_kit::db::Tx;

use crate::{
    cx::{By, Cx},
    store::Member,
};

/// Gives somebody a role, in place of the one they had.
pub async fn put(
    cx: &Cx,
    by: &By,
    tool: (ToolId, &ToolName),
    user: &UserName,
    role: ToolRole,
) -> Result<Member> {
    let known = cx.store.user(user).await?.ok_or_else(|| {
        Error::not_found("user", user)
            .help("a member has an account here first: ask an operator to invite them")
    })?;
    let tx = cx.store.begin().await?;
    cx.store.tool_locked(&tx, tool.0).await?;
    cx.still(&tx, by, tool.0, ToolRole::Owner).await?;
    if role < ToolRole::Maintainer {
        cx.store.token_revoke_of_tool(&tx, tool.0, Some(known.id)).await?;
        cx.store.mandate_end_of(&tx, known.id, Some(tool.0), by.now).await?;
    }
    cx.store.member_put(&tx, tool.0, known.id, role, by.now).await?;
    keep_an_owner(cx, &tx, tool, user).await?;
    cx.audit(&tx, by, "member.set", Some(tool), format!("{user} {role}")).await?;
    cx.append_access_changed(&tx, by, tool.0).await?;
    tx.commit().await?;
    Ok(Member { user: known.name, role, since: by.now })
}

/// Takes somebody's role away, and with it the tool's tokens that they made. How many tokens that were.
pub async fn remove(cx: &Cx, by: &By, tool: (ToolId, &ToolName), user: &UserName) -> Result<u64> {
    let none = || Error::not_found("member", user);
    let known = cx.store.user(user).await?.ok_or_else(none)?;
    let tx = cx.store.begin().await?;
    cx.store.tool_locked(&tx, tool.0).await?;
    cx.still(&tx, by, tool.0, ToolRole::Owner).await?;
    cx.store.member_role_in(&tx, tool.0, known.id).await?.ok_or_else(none)?;
    cx.store.member_remove(&tx, tool.0, known.id).await?;
    keep_an_owner(cx, &tx, tool, user).await?;
    let tokens = cx.store.token_revoke_of_tool(&tx, tool.0, Some(known.id)).await?;
    cx.store.mandate_end_of(&tx, known.id, Some(tool.0), by.now).await?;
    cx.audit(&tx, by, "member.remove", Some(tool), user).await?;
    cx.append_access_changed(&tx, by, tool.0).await?;
    tx.commit().await?;
    Ok(tokens)
}

async fn keep_an_owner(cx: &Cx, tx: &Tx, (tool, name): (ToolId, &ToolName), user: &UserName) -> Result<()> {
    if cx.store.owner_count(tx, tool).await? > 0 {
        return Ok(());
    }
    Err(Error::conflict("last-owner", format!("{user} is the last owner of {name}"))
        .help("make somebody else an owner first, or delete the tool"))
}
