//! Owners of things that act without a request, such as webhooks: each acts only while its owner may change the tool.

use hearth_base::{Result, TokenId, ToolId, UserId};
use hearth_wire::accounts::internal::{TriggerOwner, TriggerOwnerCheck};

use crate::{context::AccountsContext, store::TokenHolder};

/// Finds the owner, and whether the owner may still change the tool.
pub async fn check_owner(cx: &AccountsContext, check: TriggerOwnerCheck) -> Result<TriggerOwner> {
    let TriggerOwnerCheck { tool, owner } = check;
    let missing = TriggerOwner { name: None, active: false };
    if let Ok(user) = owner.parse::<UserId>() {
        return check_user(cx, tool, user).await;
    }
    let Ok(token) = owner.parse::<TokenId>() else { return Ok(missing) };
    match cx.store.find_token_by_id(token).await? {
        Some(token) if token.holder == TokenHolder::Tool(tool) => {
            let owner = check_user(cx, tool, token.maker).await?;
            Ok(TriggerOwner { active: owner.active && token.suspended_at.is_none(), ..owner })
        }
        _ => Ok(missing),
    }
}

async fn check_user(cx: &AccountsContext, tool: ToolId, user: UserId) -> Result<TriggerOwner> {
    let Some(user) = cx.store.find_user_by_id(user).await? else {
        return Ok(TriggerOwner { name: None, active: false });
    };
    let role = cx.store.find_member_role(tool, user.id).await?;
    Ok(TriggerOwner { active: user.may_own_tokens(role), name: Some(user.name) })
}
