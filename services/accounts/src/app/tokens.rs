//! Tokens, of people and of tools.

use hearth_base::{Error, Result, Scopes, Secret, TokenId, ToolId, ToolName, UserId};
use hearth_wire::accounts::TokenCreate;
use jiff::Timestamp;

use super::secrets::{self, Purpose};
use crate::{
    cx::{By, Cx},
    store::{Holder, Token},
};

/// Makes a token of a person's own. It may be used for no more than the credential it is made with.
pub async fn create(
    cx: &Cx,
    by: &By,
    user: UserId,
    held: &Scopes,
    create: TokenCreate,
) -> Result<(Secret, Token)> {
    let TokenCreate { label, scopes, expires } = create;
    let scopes = scopes.unwrap_or_else(|| held.clone());
    check(&label, expires, by.now)?;
    if !held.cover(&scopes) {
        return Err(Error::forbidden("scope-too-wide", "a token cannot be used for more than what made it"));
    }
    let (secret, token) = new(cx, by, user, Holder::User(user), label, scopes, expires);
    let tx = cx.store.begin().await?;
    cx.store.token_add(&tx, &token).await?;
    cx.audit(&tx, by, "token.create", None, &token.label).await?;
    tx.commit().await?;
    Ok((secret, token))
}

/// Makes a token that speaks for a tool. Only a person can: a tool's token that could make others would never
/// end. It ends with its maker's role on the tool.
pub async fn create_of_tool(
    cx: &Cx,
    by: &By,
    tool: ToolId,
    name: &ToolName,
    create: TokenCreate,
) -> Result<(Secret, Token)> {
    let TokenCreate { label, scopes, expires } = create;
    let user = by.user.ok_or_else(|| {
        Error::forbidden("token-by-token", "a tool's token cannot make tokens").help("hearth login")
    })?;
    let most = Scopes::maintenance();
    let scopes = scopes.unwrap_or_else(|| most.clone());
    check(&label, expires, by.now)?;
    if !most.cover(&scopes) {
        return Err(Error::forbidden(
            "scope-too-wide",
            "a tool's token cannot be used for more than *:write",
        ));
    }
    let (secret, token) = new(cx, by, user, Holder::Tool(tool), label, scopes, expires);
    let tx = cx.store.begin().await?;
    cx.store.token_add(&tx, &token).await?;
    cx.audit(&tx, by, "tool-token.create", Some((tool, name)), &token.label).await?;
    tx.commit().await?;
    Ok((secret, token))
}

/// Revokes a token of `holder`. From now on it is refused.
pub async fn revoke(
    cx: &Cx,
    by: &By,
    holder: Holder,
    tool: Option<(ToolId, &ToolName)>,
    id: TokenId,
) -> Result<()> {
    let tx = cx.store.begin().await?;
    let revoked = cx.store.token_revoke(&tx, holder, id).await?;
    let token = revoked.ok_or_else(|| Error::not_found("token", id))?;
    let action = if tool.is_some() { "tool-token.revoke" } else { "token.revoke" };
    cx.audit(&tx, by, action, tool, token.label).await?;
    cx.tell_access(&tx, by, id).await?;
    cx.commit(tx).await
}

fn new(
    cx: &Cx,
    by: &By,
    maker: UserId,
    holder: Holder,
    label: String,
    scopes: Scopes,
    expires: Option<Timestamp>,
) -> (Secret, Token) {
    let secret = secrets::make(Purpose::Token, &cx.entropy);
    let hash = secrets::hash(&secret);
    let id = TokenId::new(by.now, &cx.entropy);
    (secret, Token { id, hash, maker, holder, label, scopes, created: by.now, used: None, expires })
}

fn check(label: &str, expires: Option<Timestamp>, now: Timestamp) -> Result<()> {
    if label.trim().is_empty() || label.chars().count() > 100 || label.chars().any(char::is_control) {
        return Err(Error::invalid("token-label", "a label has 1 to 100 characters, all of them visible")
            .help("say in a few words what the token is for"));
    }
    if expires.is_some_and(|expires| expires <= now) {
        return Err(Error::invalid("token-expires", "the token would have ended already"));
    }
    Ok(())
}
