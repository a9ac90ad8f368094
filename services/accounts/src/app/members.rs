//! Members of tools. Each tool has at least one owner. A membership needs the consent of the person: a role is offered,
//! and applies once the person has accepted.

use hearth_base::{Error, Result, ToolId, ToolName, ToolRole, UserId, UserName};
use hearth_kit::db::Tx;
use jiff::SignedDuration;

use super::deploy_tokens;
use crate::{
    context::{AccountsContext, RequestActor},
    store::{Member, MemberOffer},
};

/// Time for which an offered membership can be accepted.
const OFFER_LIFETIME: SignedDuration = SignedDuration::from_hours(24 * 14);
/// Maximum number of offered memberships of one tool.
const MAX_OFFERS_PER_TOOL: u64 = 100;

/// Sets the role of a member, or offers it to a user who is none. The own role needs no consent. Below maintainer, the
/// member's tool tokens are suspended and the mandates for the tool end.
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
    let is_member = cx.store.find_member_role_in(&tx, tool.0, member.id).await?.is_some();
    let needs_consent = !is_member && actor.user != Some(member.id);
    if needs_consent {
        save_offer(cx, &tx, actor, tool, (member.id, user), role).await?;
    } else {
        apply_role(cx, &tx, actor, tool, (member.id, user), role).await?;
    }
    tx.commit().await?;
    Ok(Member { user: member.name, role, since: actor.now, is_offer: needs_consent })
}

async fn save_offer(
    cx: &AccountsContext,
    tx: &Tx,
    actor: &RequestActor,
    tool: (ToolId, &ToolName),
    (user, name): (UserId, &UserName),
    role: ToolRole,
) -> Result<()> {
    let is_replaced = cx.store.take_member_offer(tx, tool.0, user).await?.is_some();
    if !is_replaced && cx.store.count_member_offers(tx, tool.0).await? >= MAX_OFFERS_PER_TOOL {
        let what = format!("{} has {MAX_OFFERS_PER_TOOL} offered memberships already", tool.1);
        return Err(Error::conflict("too-many-offers", what)
            .help("wait until some are accepted, or withdraw one: hearth tool members remove NAME"));
    }
    let offer = MemberOffer {
        tool: tool.0,
        user,
        role,
        offered_by: actor.user,
        offered: actor.now,
        expires: actor.now.saturating_add(OFFER_LIFETIME).unwrap_or(actor.now),
    };
    cx.store.save_member_offer(tx, &offer).await?;
    cx.record_audit_entry(tx, actor, "member.offer", Some(tool), format!("{name} {role}")).await
}

async fn apply_role(
    cx: &AccountsContext,
    tx: &Tx,
    actor: &RequestActor,
    tool: (ToolId, &ToolName),
    (user, name): (UserId, &UserName),
    role: ToolRole,
) -> Result<()> {
    if role < ToolRole::Maintainer {
        cx.store.suspend_tool_tokens(tx, tool.0, user, actor.now).await?;
        deploy_tokens::suspend_token_of_member(cx, tx, actor, tool, user).await?;
        cx.store.end_user_mandates(tx, user, Some(tool.0), actor.now).await?;
    }
    if role < ToolRole::Owner {
        // Only owners offer memberships: the offers of a former owner end.
        cx.store.delete_member_offers(tx, tool.0, Some(user)).await?;
    }
    cx.store.take_member_offer(tx, tool.0, user).await?;
    cx.store.set_member(tx, tool.0, user, role, actor.now).await?;
    require_owner(cx, tx, tool, name).await?;
    cx.record_audit_entry(tx, actor, "member.set", Some(tool), format!("{name} {role}")).await?;
    cx.append_access_changed(tx, actor, tool.0).await
}

/// Accepts an offered membership.
pub async fn accept_membership(
    cx: &AccountsContext,
    actor: &RequestActor,
    (user, name): (UserId, &UserName),
    tool: &ToolName,
) -> Result<()> {
    let none = || build_no_offer_error(tool);
    let stored = cx.store.find_tool(tool).await?.ok_or_else(none)?;
    let tx = cx.store.begin().await?;
    let stored = cx.store.lock_tool(&tx, stored.id).await?;
    let offer = cx.store.take_member_offer(&tx, stored.id, user).await?;
    let offer = offer.filter(|offer| offer.expires > actor.now && !stored.deleting).ok_or_else(none)?;
    cx.store.set_member(&tx, stored.id, user, offer.role, actor.now).await?;
    let subject = format!("{name} {}", offer.role);
    cx.record_audit_entry(&tx, actor, "member.accept", Some((stored.id, &stored.name)), subject).await?;
    cx.append_access_changed(&tx, actor, stored.id).await?;
    tx.commit().await
}

/// Declines an offered membership of the user, or ends a membership.
pub async fn end_membership(
    cx: &AccountsContext,
    actor: &RequestActor,
    (user, name): (UserId, &UserName),
    tool: &ToolName,
) -> Result<u64> {
    let none = || build_no_offer_error(tool);
    let stored = cx.store.find_tool(tool).await?.ok_or_else(none)?;
    let tx = cx.store.begin().await?;
    let stored = cx.store.lock_tool(&tx, stored.id).await?;
    let suspended = match end_role(cx, &tx, actor, (stored.id, &stored.name), (user, name)).await? {
        EndedRole::None => return Err(none()),
        EndedRole::Offer => 0,
        EndedRole::Membership { suspended } => suspended,
    };
    tx.commit().await?;
    Ok(suspended)
}

/// Removes a member, or withdraws an offer. The tool tokens that the member created are suspended. Returns their
/// number.
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
    let suspended = match end_role(cx, &tx, actor, tool, (member.id, user)).await? {
        EndedRole::None => return Err(none()),
        EndedRole::Offer => 0,
        EndedRole::Membership { suspended } => suspended,
    };
    tx.commit().await?;
    Ok(suspended)
}

/// The outcome of the end of a role.
enum EndedRole {
    /// The user had neither a role nor an offer.
    None,
    /// The user had an offer.
    Offer,
    /// The user was a member, and this many tokens of the tool are suspended.
    Membership { suspended: u64 },
}

async fn end_role(
    cx: &AccountsContext,
    tx: &Tx,
    actor: &RequestActor,
    tool: (ToolId, &ToolName),
    (user, name): (UserId, &UserName),
) -> Result<EndedRole> {
    let had_offer = cx.store.take_member_offer(tx, tool.0, user).await?.is_some();
    if cx.store.find_member_role_in(tx, tool.0, user).await?.is_none() {
        if !had_offer {
            return Ok(EndedRole::None);
        }
        cx.record_audit_entry(tx, actor, "member.decline", Some(tool), name).await?;
        return Ok(EndedRole::Offer);
    }
    cx.store.remove_member(tx, tool.0, user).await?;
    require_owner(cx, tx, tool, name).await?;
    let suspended = cx.store.suspend_tool_tokens(tx, tool.0, user, actor.now).await?;
    deploy_tokens::suspend_token_of_member(cx, tx, actor, tool, user).await?;
    // What the former member offered to others needs another owner.
    cx.store.delete_member_offers(tx, tool.0, Some(user)).await?;
    cx.store.end_user_mandates(tx, user, Some(tool.0), actor.now).await?;
    cx.record_audit_entry(tx, actor, "member.remove", Some(tool), name).await?;
    cx.append_access_changed(tx, actor, tool.0).await?;
    Ok(EndedRole::Membership { suspended })
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

/// Builds the error for a tool without an offer to the user; it is the same for a tool that does not exist.
fn build_no_offer_error(tool: &ToolName) -> Error {
    Error::new(
        hearth_base::ErrorKind::NotFound,
        "no-such-membership",
        format!("no membership of {tool} is offered to you, and you are not a member"),
    )
    .help("hearth tool offers")
}
