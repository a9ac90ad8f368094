//! Creation of tools.

use hearth_base::{Error, ErrorKind, Result, ToolId, ToolName, ToolRole, UserName, check_plain_text};
use hearth_kit::{db::Tx, guard::UserCaller};
use hearth_wire::{
    accounts::internal::{ToolEvent, ToolFacts, ToolOnly},
    tools::ToolCreate,
};
use jiff::SignedDuration;

use super::{quota, reserved_names};
use crate::{
    context::{AccountsContext, RequestActor},
    store::StoredTool,
};

/// Creates a tool with the caller as its owner.
pub async fn create_tool(
    cx: &AccountsContext,
    actor: &RequestActor,
    owner: &UserCaller,
    create: ToolCreate,
) -> Result<StoredTool> {
    let ToolCreate { name, description } = create;
    let UserCaller { id: owner, is_operator, .. } = *owner;
    reserved_names::check_new_tool_name(&name, &cx.settings.reserved_names)?;
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
    check_name_is_free(cx, &tx, actor, &tool.name, is_operator).await?;
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
    let owner = cx.store.find_first_owner(id).await?;
    Ok(ToolFacts { id, name, deleting, quota: quota::find_quota(cx, id).await?, owner })
}

/// Checks that a new tool gets this name: no user has it, and it has no tombstone. Only an operator gives the name of
/// a deleted tool again, because what stands outside (mail, links, webhooks, certificates) still means the former one.
async fn check_name_is_free(
    cx: &AccountsContext,
    tx: &Tx,
    actor: &RequestActor,
    name: &ToolName,
    is_operator: bool,
) -> Result<()> {
    let taken = |what: String| Error::conflict("tool-name-taken", what).help("choose another name");
    if let Ok(user) = name.as_str().parse::<UserName>()
        && cx.store.find_user(&user).await?.is_some()
    {
        return Err(taken(format!("the name {name} is taken by a user")));
    }
    let lifetime = SignedDuration::from_hours(24 * i64::from(cx.settings.tombstone_days));
    let released = cx.store.find_name_release(tx, name.as_str()).await?;
    let is_free = released.is_none_or(|released| actor.now.duration_since(released) >= lifetime);
    if is_operator || is_free {
        return Ok(());
    }
    let days = cx.settings.tombstone_days;
    Err(Error::conflict("tool-name-tombstone", format!("the name {name} belonged to a deleted tool"))
        .and_message(format!("For {days} days after the deletion only an operator gives it again."))
        .help("choose another name, or ask an operator of this Hearth to create the tool"))
}
