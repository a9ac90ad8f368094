//! Tokens of users and of tools.

use std::collections::BTreeSet;

use hearth_base::{
    Error, Identity, Result, Scopes, Secret, TokenId, ToolId, ToolName, ToolRole, UserId, UserName,
    check_plain_text,
};
use hearth_wire::accounts::TokenCreate;
use jiff::Timestamp;

use super::secrets::{self, SecretKind};
use crate::{
    context::{AccountsContext, RequestActor},
    store::{StoredToken, TokenHolder},
};

/// Creates a personal token. Its endpoint needs a session: a token that could create others would outlive its
/// expiry.
pub async fn create_personal_token(
    cx: &AccountsContext,
    actor: &RequestActor,
    user: UserId,
    identity: &Identity,
    create: TokenCreate,
) -> Result<(Secret, StoredToken)> {
    let TokenCreate { label, scopes, expires } = create;
    let scopes = scopes.unwrap_or_else(|| identity.scopes.clone());
    check_token_request(&label, expires, actor.now)?;
    let (secret, token) = build_token(cx, actor, user, TokenHolder::User(user), label, scopes, expires);
    let tx = cx.store.begin().await?;
    cx.store.insert_token(&tx, &token).await?;
    cx.record_audit_entry(&tx, actor, "token.create", None, &token.label).await?;
    tx.commit().await?;
    Ok((secret, token))
}

/// Creates a token of a tool. Only a user may create one: a tool token that could create others would never
/// end. It is valid while its creator's role on the tool allows it.
pub async fn create_tool_token(
    cx: &AccountsContext,
    actor: &RequestActor,
    tool: ToolId,
    name: &ToolName,
    held: &Scopes,
    create: TokenCreate,
) -> Result<(Secret, StoredToken)> {
    let TokenCreate { label, scopes, expires } = create;
    let user = actor.user.ok_or_else(|| {
        Error::forbidden("token-by-token", "a tool token cannot create tokens").help("hearth login")
    })?;
    let max_scopes = Scopes::for_tool_token();
    let scopes = scopes.unwrap_or_else(|| max_scopes.clone());
    check_token_request(&label, expires, actor.now)?;
    if !max_scopes.contains_all(&scopes) || !held.contains_all(&scopes) {
        return Err(Error::forbidden(
            "scope-too-wide",
            "the scopes are too wide for a tool token; allowed are *:write within your own scopes",
        )
        .help("request fewer scopes"));
    }
    let (secret, token) = build_token(cx, actor, user, TokenHolder::Tool(tool), label, scopes, expires);
    let tx = cx.store.begin().await?;
    if cx.store.lock_tool(&tx, tool).await?.deleting {
        return Err(Error::conflict("tool-deleting", format!("the tool {name} is being deleted"))
            .help("hearth tool list"));
    }
    cx.require_role(&tx, actor, tool, ToolRole::Maintainer).await?;
    cx.store.insert_token(&tx, &token).await?;
    cx.record_audit_entry(&tx, actor, "tool-token.create", Some((tool, name)), &token.label).await?;
    tx.commit().await?;
    Ok((secret, token))
}

/// Takes over a token of a tool: the caller becomes its owner, and it gets a new secret, because the former owner may
/// know the old one.
pub async fn take_over_token(
    cx: &AccountsContext,
    actor: &RequestActor,
    tool: (ToolId, &ToolName),
    held: &Scopes,
    id: TokenId,
) -> Result<(Secret, StoredToken)> {
    let user = actor.user.ok_or_else(|| {
        Error::forbidden("token-by-token", "a tool token cannot take over tokens").help("hearth login")
    })?;
    let secret = secrets::create_secret(SecretKind::Token, &cx.entropy);
    let hash = secrets::hash_secret(&secret);
    let tx = cx.store.begin().await?;
    cx.store.lock_tool(&tx, tool.0).await?;
    cx.require_role(&tx, actor, tool.0, ToolRole::Maintainer).await?;
    let token = cx.store.find_tool_token_in(&tx, tool.0, id).await?;
    let token = token.ok_or_else(|| Error::not_found("token", id).help("hearth token list"))?;
    if !held.contains_all(&token.scopes) {
        return Err(Error::forbidden("scope-too-wide", "the token has more scopes than your credential")
            .help("use a token with more scopes, or sign in: hearth login"));
    }
    cx.store.take_over_token(&tx, id, user, &hash).await?;
    cx.record_audit_entry(&tx, actor, "tool-token.take-over", Some(tool), &token.label).await?;
    cx.append_access_changed(&tx, actor, id).await?;
    tx.commit().await?;
    Ok((secret, StoredToken { maker: user, hash, suspended_at: None, ..token }))
}

/// Finds the owners of a tool's tokens: their names, and for each whether the right to the token has ended.
pub async fn find_token_owners(
    cx: &AccountsContext,
    tool: ToolId,
    tokens: &[StoredToken],
) -> Result<Vec<(UserName, bool)>> {
    let makers: BTreeSet<UserId> = tokens.iter().map(|token| token.maker).collect();
    let users = cx.store.find_users_by_id(makers).await?;
    let mut owners = Vec::new();
    for token in tokens {
        let user = users.iter().find(|user| user.id == token.maker);
        let user = user.ok_or_else(|| Error::internal("a token has no owner"))?;
        let role = cx.store.find_member_role(tool, user.id).await?;
        let is_suspended = token.suspended_at.is_some() || !user.may_own_tokens(role);
        owners.push((user.name.clone(), is_suspended));
    }
    Ok(owners)
}

/// Revokes a token of `holder`. Later uses are refused.
pub async fn revoke_token(
    cx: &AccountsContext,
    actor: &RequestActor,
    holder: TokenHolder,
    tool: Option<(ToolId, &ToolName)>,
    id: TokenId,
) -> Result<()> {
    let tx = cx.store.begin().await?;
    let revoked = cx.store.delete_token(&tx, holder, id).await?;
    let token = revoked.ok_or_else(|| Error::not_found("token", id))?;
    let action = if tool.is_some() { "tool-token.revoke" } else { "token.revoke" };
    cx.record_audit_entry(&tx, actor, action, tool, token.label).await?;
    cx.append_access_changed(&tx, actor, id).await?;
    tx.commit().await
}

fn build_token(
    cx: &AccountsContext,
    actor: &RequestActor,
    maker: UserId,
    holder: TokenHolder,
    label: String,
    scopes: Scopes,
    expires: Option<Timestamp>,
) -> (Secret, StoredToken) {
    let secret = secrets::create_secret(SecretKind::Token, &cx.entropy);
    let hash = secrets::hash_secret(&secret);
    let id = TokenId::new(actor.now, &cx.entropy);
    (
        secret,
        StoredToken {
            id,
            hash,
            maker,
            holder,
            label,
            scopes,
            created: actor.now,
            last_used: None,
            expires,
            suspended_at: None,
        },
    )
}

fn check_token_request(label: &str, expires: Option<Timestamp>, now: Timestamp) -> Result<()> {
    check_plain_text("label", label, 1..=100)?;
    if expires.is_some_and(|expires| expires <= now) {
        return Err(Error::invalid("token-expires", "the expiry of the token is in the past")
            .help("give a time in the future, or leave expires out"));
    }
    Ok(())
}
