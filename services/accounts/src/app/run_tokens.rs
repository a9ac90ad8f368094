//! Short-lived tokens that services create to act for a tool.

use hearth_base::{Error, Result, Role, Scope, Scopes, TokenId, check_plain_text};
use hearth_wire::accounts::internal::{ToolTokenCreate, ToolTokenCreated};
use jiff::SignedDuration;

use super::{
    mandates,
    secrets::{self, SecretKind},
};
use crate::{
    context::{AccountsContext, RequestActor},
    store::RunToken,
};

/// Creates a token that acts for a tool for `life_seconds`.
pub async fn create_run_token(
    cx: &AccountsContext,
    actor: &RequestActor,
    service: Role,
    create: ToolTokenCreate,
) -> Result<ToolTokenCreated> {
    let ToolTokenCreate { tool, scopes, life_seconds, cause, build } = create;
    check_plain_text("cause", &cause, 1..=200)?;
    if !(1..=86_400).contains(&life_seconds) {
        return Err(Error::invalid(
            "token-life",
            format!("life_seconds is out of range: {life_seconds}; expected 1 to 86400"),
        ));
    }
    if build.is_some() && service != Role::Builds {
        return Err(Error::forbidden("token-scopes", "only builds creates credentials of builds"));
    }
    // A builder reads and writes images; its other rights come with the lease of a build.
    let is_for_image = |scope: &Scope| matches!(scope, Scope::Tools(Some(Role::Images), _));
    if service == Role::Builder && !scopes.iter().all(is_for_image) {
        return Err(Error::forbidden("token-scopes", "a builder gets tokens for images only"));
    }
    match &build {
        None => mandates::check_scopes(&scopes, &Scopes::for_tool_token())?,
        // A release that does not know the grant sees a token without any scope.
        Some(_) if scopes.iter().next().is_some() => {
            return Err(Error::invalid("token-scopes", "the credential of a build has no scopes"));
        }
        Some(_) => {}
    }
    let secret = secrets::create_secret(SecretKind::Run, &cx.entropy);
    let expires = actor.now + SignedDuration::from_secs(life_seconds.into());
    let id = TokenId::new(actor.now, &cx.entropy);
    let token = RunToken {
        id,
        hash: secrets::hash_secret(&secret),
        tool,
        service,
        scopes,
        cause,
        created: actor.now,
        expires,
        build,
    };
    let tx = cx.store.begin().await?;
    let locked_tool = cx.store.lock_tool(&tx, tool).await?;
    if locked_tool.deleting {
        let what = format!("the tool {} is being deleted", locked_tool.name);
        return Err(Error::conflict("tool-deleting", what));
    }
    cx.store.insert_run_token(&tx, &token).await?;
    // Each run of a job has one; the runs are recorded by `jobs`.
    if service != Role::Jobs {
        cx.record_audit_entry(&tx, actor, "run-token.create", Some((tool, &locked_tool.name)), &token.cause)
            .await?;
    }
    tx.commit().await?;
    Ok(ToolTokenCreated { id, secret, expires })
}

/// Revokes a run token. An unknown token counts as revoked.
pub async fn revoke_run_token(cx: &AccountsContext, actor: &RequestActor, id: TokenId) -> Result<()> {
    let tx = cx.store.begin().await?;
    if cx.store.delete_run_token(&tx, id).await? {
        cx.append_access_changed(&tx, actor, id).await?;
    }
    tx.commit().await
}
