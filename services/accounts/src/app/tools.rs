//! Making tools.

use hearth_base::{Error, Kind, Result, ToolId, ToolName, ToolRole, UserId, plain_text};
use hearth_wire::{
    accounts::internal::{ToolEvent, ToolFacts, ToolOnly},
    tools::ToolCreate,
};

use super::quota;
use crate::{
    cx::{By, Cx},
    store::Tool,
};

/// Names that would be mistaken for a part of Hearth, in addresses or in commands.
const RESERVED: &[&str] = &[
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

/// Makes a tool whose owner is the caller.
pub async fn create(cx: &Cx, by: &By, owner: UserId, create: ToolCreate) -> Result<Tool> {
    let ToolCreate { name, description } = create;
    check_name(cx, &name)?;
    plain_text("description", &description, 0..=500)?;
    let id = ToolId::new(by.now, &cx.entropy);
    let tool = Tool { id, name, description, deleting: false, created: by.now };
    let tx = cx.store.begin().await?;
    // Under the owner's lock, so that two at once are counted one after the other.
    cx.store.user_by_id_locked(&tx, owner).await?;
    if cx.store.owned_count(&tx, owner).await? >= u64::from(cx.settings.tools_per_user) {
        let most = cx.settings.tools_per_user;
        return Err(Error::new(Kind::Exhausted, "too-many-tools", format!("one user can own {most} tools"))
            .help("delete one that is not needed, or ask whoever runs this Hearth"));
    }
    cx.store.tool_add(&tx, &tool).await?;
    cx.store.member_put(&tx, id, owner, ToolRole::Owner, by.now).await?;
    cx.audit(&tx, by, "tool.create", Some((id, &tool.name)), &tool.name).await?;
    cx.append_event(&tx, by, &ToolEvent::Created(ToolOnly { tool: id })).await?;
    // Whoever remembers that nobody has this name is wrong now.
    cx.append_access_changed(&tx, by, id).await?;
    tx.commit().await?;
    Ok(tool)
}

/// What services need to know of a tool.
pub async fn facts(cx: &Cx, id: ToolId) -> Result<ToolFacts> {
    let tool = cx.store.tool_by_id(id).await?.ok_or_else(|| Error::not_found("tool", id))?;
    let Tool { id, name, description: _, deleting, created: _ } = tool;
    Ok(ToolFacts { id, name, deleting, quota: quota::of(cx, id).await? })
}

fn check_name(cx: &Cx, name: &ToolName) -> Result<()> {
    name.check_new()?;
    let reserved = RESERVED.contains(&name.as_str())
        || cx.settings.reserved_names.iter().any(|reserved| reserved == name.as_str());
    if reserved {
        return Err(Error::conflict("tool-name-reserved", format!("the name {name} is reserved"))
            .help("choose another name"));
    }
    Ok(())
}
