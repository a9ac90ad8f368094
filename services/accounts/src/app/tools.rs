//! Creation of tools.

use hearth_base::{Error, ErrorKind, Result, ToolId, ToolName, ToolRole, UserId, check_plain_text};
use hearth_wire::{
    accounts::internal::{ToolEvent, ToolFacts, ToolOnly},
    tools::ToolCreate,
};

use super::quota;
use crate::{
    context::{AccountsContext, RequestActor},
    store::StoredTool,
};

/// Names that could be mistaken for a part of Hearth, in addresses or in commands.
const RESERVED_NAMES: &[&str] = &[
    "admin",
    "api",
    "app",
    "auth",
    "cdn",
    "ci",
    "console",
    "dev",
    "dns",
    "docs",
    "ftp",
    "git",
    "hearth",
    "help",
    "imap",
    "internal",
    "localhost",
    "login",
    "mail",
    "me",
    "metrics",
    "new",
    "ns",
    "packages",
    "pop",
    "proxy",
    "registry",
    "root",
    "search",
    "smtp",
    "static",
    "status",
    "support",
    "system",
    "test",
    "tool",
    "toolforge",
    "tools",
    "web",
    "webmail",
    "www",
];

/// Creates a tool with the caller as its owner.
pub async fn create_tool(
    cx: &AccountsContext,
    actor: &RequestActor,
    owner: UserId,
    create: ToolCreate,
) -> Result<StoredTool> {
    let ToolCreate { name, description } = create;
    check_name(cx, &name)?;
    check_plain_text("description", &description, 0..=500)?;
    let id = ToolId::new(actor.now, &cx.entropy);
    let tool = StoredTool { id, name, description, deleting: false, created: actor.now };
    let tx = cx.store.begin().await?;
    // The owner's row lock serializes concurrent creations, so that the count is exact.
    cx.store.lock_user_by_id(&tx, owner).await?;
    if cx.store.count_owned_tools(&tx, owner).await? >= u64::from(cx.settings.tools_per_user) {
        let limit = cx.settings.tools_per_user;
        return Err(Error::new(
            ErrorKind::Exhausted,
            "too-many-tools",
            format!("the user owns too many tools; at most {limit}"),
        )
        .help("delete a tool that is not needed, or ask an operator of this Hearth for a higher limit"));
    }
    cx.store.insert_tool(&tx, &tool).await?;
    cx.store.set_member(&tx, id, owner, ToolRole::Owner, actor.now).await?;
    cx.record_audit_entry(&tx, actor, "tool.create", Some((id, &tool.name)), &tool.name).await?;
    cx.append_event(&tx, actor, &ToolEvent::Created(ToolOnly { tool: id })).await?;
    // Other services may have cached that no tool has this name.
    cx.append_access_changed(&tx, actor, id).await?;
    tx.commit().await?;
    Ok(tool)
}

/// Finds the facts about a tool that other services need.
pub async fn find_tool_facts(cx: &AccountsContext, id: ToolId) -> Result<ToolFacts> {
    let tool = cx.store.find_tool_by_id(id).await?.ok_or_else(|| Error::not_found("tool", id))?;
    let StoredTool { id, name, description: _, deleting, created: _ } = tool;
    Ok(ToolFacts { id, name, deleting, quota: quota::find_quota(cx, id).await? })
}

fn check_name(cx: &AccountsContext, name: &ToolName) -> Result<()> {
    name.check_new()?;
    let reserved = RESERVED_NAMES.contains(&name.as_str())
        || cx.settings.reserved_names.iter().any(|reserved| reserved == name.as_str());
    if reserved {
        return Err(Error::conflict("tool-name-reserved", format!("the name {name} is reserved"))
            .help("choose another name"));
    }
    Ok(())
}
