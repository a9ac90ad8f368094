//! Tokens, of people and of tools.

use hearth_base::{
    Credential, Error, Identity, Result, Scopes, Secret, TokenId, ToolId, ToolName, ToolRole, UserId,
    plain_text,
};
use hearth_wire::accounts::TokenCreate;
use jiff::Timestamp;

use super::secrets::{self, Purpose};
use crate::{
    cx::{By, Cx},
    store::{Holder, Token},
};

/// Makes a token of a person's own. Only somebody who has signed in can: a token that could make others would
/// outlive its own end.
pub async fn create(
    cx: &Cx,
    by: &By,
    user: UserId,
    identity: &Identity,
    create: TokenCreate,
) -> Result<(Secret, Token)> {
    let TokenCreate { label, scopes, expires } = create;
    if !matches!(identity.credential, Credential::Session(_)) {
        return Err(Error::forbidden("token-by-token", "a token cannot make tokens")
            .help("sign in with your password: hearth login"));
    }
    let scopes = scopes.unwrap_or_else(|| identity.scopes.clone());
    check(&label, expires, by.now)?;
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
    held: &Scopes,
    create: TokenCreate,
) -> Result<(Secret, Token)> {
    let TokenCreate { label, scopes, expires } = create;
    let user = by.user.ok_or_else(|| {
        Error::forbidden("token-by-token", "a tool's token cannot make tokens").help("hearth login")
    })?;
    let most = Scopes::maintenance();
    let scopes = scopes.unwrap_or_else(|| most.clone());
    check(&label, expires, by.now)?;
    if !most.cover(&scopes) || !held.cover(&scopes) {
        return Err(Error::forbidden(
            "scope-too-wide",
            "a tool's token cannot be used for more than *:write, nor for more than what makes it",
        )
        .help("name fewer scopes"));
    }
    let (secret, token) = new(cx, by, user, Holder::Tool(tool), label, scopes, expires);
    let tx = cx.store.begin().await?;
    if cx.store.tool_locked(&tx, tool).await?.deleting {
        return Err(Error::conflict("tool-deleting", format!("the tool {name} is being deleted")));
    }
    cx.still(&tx, by, tool, ToolRole::Maintainer).await?;
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
    cx.append_access_changed(&tx, by, id).await?;
    tx.commit().await
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
    plain_text("label", label, 1..=100)?;
    if expires.is_some_and(|expires| expires <= now) {
        return Err(Error::invalid("token-expires", "the token would have ended already"));
    }
    Ok(())
}
