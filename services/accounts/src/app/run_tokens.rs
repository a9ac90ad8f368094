//! Tokens that services make for a while, to speak for a tool.

use hearth_base::{Error, Result, Role, Scopes, TokenId, plain_text};
use hearth_wire::accounts::internal::{ToolTokenCreate, ToolTokenCreated};
use jiff::SignedDuration;

use super::{
    mandates,
    secrets::{self, Purpose},
};
use crate::{
    cx::{By, Cx},
    store::RunToken,
};

/// Makes a token that speaks for a tool for a while.
pub async fn create(cx: &Cx, by: &By, service: Role, create: ToolTokenCreate) -> Result<ToolTokenCreated> {
    let ToolTokenCreate { tool, scopes, life_seconds, cause } = create;
    plain_text("cause", &cause, 1..=200)?;
    if !(1..=86_400).contains(&life_seconds) {
        return Err(Error::invalid("token-life", "a service's token lasts between a second and a day"));
    }
    mandates::check(&scopes, &Scopes::maintenance())?;
    let secret = secrets::make(Purpose::Run, &cx.entropy);
    let expires = by.now + SignedDuration::from_secs(life_seconds.into());
    let id = TokenId::new(by.now, &cx.entropy);
    let token =
        RunToken { id, hash: secrets::hash(&secret), tool, service, scopes, cause, created: by.now, expires };
    let tx = cx.store.begin().await?;
    let known = cx.store.tool_locked(&tx, tool).await?;
    if known.deleting {
        let what = format!("the tool {} is being deleted", known.name);
        return Err(Error::conflict("tool-deleting", what));
    }
    cx.store.run_token_add(&tx, &token).await?;
    cx.audit(&tx, by, "run-token.create", Some((tool, &known.name)), &token.cause).await?;
    tx.commit().await?;
    Ok(ToolTokenCreated { id, secret, expires })
}

/// Revokes such a token. One that is not there is revoked.
pub async fn revoke(cx: &Cx, by: &By, id: TokenId) -> Result<()> {
    let tx = cx.store.begin().await?;
    if cx.store.run_token_revoke(&tx, id).await? {
        cx.append_access_changed(&tx, by, id).await?;
    }
    tx.commit().await
}
