//! Deploy tokens: one for each tool, by which a pipeline outside of Hearth creates deployments of the tool.
//!
//! | token | create | replace | use |
//! |---|---|---|---|
//! | none | new token | not found | refused (401) |
//! | valid | conflict | new token | accepted |
//! | suspended | new token | new token | refused (403) |
//!
//! It depends on its owner, who created it. Every maintainer can see it, so the end of the right of anybody who has
//! seen it suspends it too.

#[cfg(test)]
mod tests;

use hearth_base::{
    Access, Caller, Credential, Error, Identity, PresentedCredentials, Result, Role, Scope, Scopes, Secret,
    TokenId, ToolGrant, ToolId, ToolName, UserId,
};
use hearth_kit::{db::Tx, log_error};
use hearth_wire::{
    accounts::deploy_tokens::{DeployTokenCall, DeployTokenOperation},
    components::DeployToken,
};

use super::secrets;
use crate::{
    context::{AccountsContext, RequestActor},
    store::{StoredDeployToken, StoredTool, TokenHolder},
};

/// Lists the scopes of a deploy token: what the steps of a deployment need.
pub fn list_scopes() -> Scopes {
    Scopes::from_scopes(
        [Role::Components, Role::Builds, Role::Jobs].map(|role| Scope::Tools(Some(role), Access::Write)),
    )
}

/// Shows or changes the deploy token of the tool in a request to `holder`.
pub async fn call_deploy_token(
    cx: &AccountsContext,
    actor: &RequestActor,
    holder: Role,
    call: DeployTokenCall,
) -> Result<DeployToken> {
    let DeployTokenCall { identity, operation, client } = call;
    let presented = PresentedCredentials { identity: identity.expose_secret(), mandate: None };
    let (identity, _) = presented.verify(&cx.ring, holder, actor.now)?;
    let manager = find_manager(cx, &identity).await?;
    let actor =
        RequestActor { who: identity.caller.to_string(), user: Some(manager.user), client, ..actor.clone() };
    let tx = cx.store.begin().await?;
    let tool = cx.store.lock_tool(&tx, manager.tool).await?;
    require_manager_right(cx, &tx, &manager, &tool).await?;
    let found = cx.store.find_deploy_token_in(&tx, tool.id).await?;
    let token = match operation {
        DeployTokenOperation::Show => {
            let token = found.ok_or_else(|| build_missing_error(&tool.name))?;
            record_reader(cx, &tx, &actor, &tool, &token).await?;
            token
        }
        DeployTokenOperation::Create => {
            if let Some(token) = found
                && !is_suspended(cx, &token).await?
            {
                return Err(build_exists_error(&tool.name));
            }
            insert_token(cx, &tx, &actor, &tool, &manager, "deploy-token.create").await?
        }
        DeployTokenOperation::Replace => {
            let former = found.ok_or_else(|| build_missing_error(&tool.name))?;
            cx.append_access_changed(&tx, &actor, former.id).await?;
            insert_token(cx, &tx, &actor, &tool, &manager, "deploy-token.replace").await?
        }
        DeployTokenOperation::Delete => {
            let token = found.ok_or_else(|| build_missing_error(&tool.name))?;
            cx.store.delete_deploy_token(&tx, tool.id).await?;
            cx.record_audit_entry(&tx, &actor, "deploy-token.delete", Some((tool.id, &tool.name)), token.id)
                .await?;
            cx.append_access_changed(&tx, &actor, token.id).await?;
            token
        }
    };
    tx.commit().await?;
    render_token(cx, &token).await
}

/// Maintainer who shows or changes the deploy token of a tool.
struct TokenManager {
    tool: ToolId,
    user: UserId,
    /// Token of the tool that the maintainer uses.
    token: Option<TokenId>,
}

/// Finds the maintainer behind a request. A deploy token depends on a person, and has no more rights than that person's
/// credential.
async fn find_manager(cx: &AccountsContext, identity: &Identity) -> Result<TokenManager> {
    let Some(ToolGrant::Granted { id: tool, access, .. }) = identity.tool else {
        return Err(build_right_error());
    };
    if access < Access::Write {
        return Err(build_right_error());
    }
    if !identity.scopes.contains_all(&list_scopes()) {
        return Err(Error::forbidden(
            "scope-too-wide",
            "a deploy token has more scopes than your credential",
        )
        .help("use a token with more scopes, or sign in: hearth login"));
    }
    match (&identity.caller, &identity.credential) {
        (Caller::User { id, .. }, _) => Ok(TokenManager { tool, user: *id, token: None }),
        (Caller::Tool { .. }, Credential::ToolToken(token)) => {
            // The credential of a run has no owner: what it creates would outlive the run.
            let stored = cx.store.find_token_by_id(*token).await?.ok_or_else(build_right_error)?;
            Ok(TokenManager { tool, user: stored.maker, token: Some(stored.id) })
        }
        _ => Err(build_right_error()),
    }
}

/// Fails unless the maintainer still has the right, as seen under the locks of the tool and the user.
async fn require_manager_right(
    cx: &AccountsContext,
    tx: &Tx,
    manager: &TokenManager,
    tool: &StoredTool,
) -> Result<()> {
    if tool.deleting {
        return Err(Error::conflict("tool-deleting", format!("the tool {} is being deleted", tool.name))
            .help("hearth tool list"));
    }
    let user = cx.store.lock_user_by_id(tx, manager.user).await?.ok_or_else(build_right_error)?;
    let role = cx.store.find_member_role_in(tx, tool.id, user.id).await?;
    if user.may_own_tokens(role) { Ok(()) } else { Err(build_right_error()) }
}

async fn record_reader(
    cx: &AccountsContext,
    tx: &Tx,
    actor: &RequestActor,
    tool: &StoredTool,
    token: &StoredDeployToken,
) -> Result<()> {
    let Some(user) = actor.user else { return Ok(()) };
    if cx.store.add_deploy_token_reader(tx, tool.id, user).await? {
        let tool = Some((tool.id, &tool.name));
        cx.record_audit_entry(tx, actor, "deploy-token.show", tool, token.id).await?;
    }
    Ok(())
}

async fn insert_token(
    cx: &AccountsContext,
    tx: &Tx,
    actor: &RequestActor,
    tool: &StoredTool,
    manager: &TokenManager,
    action: &'static str,
) -> Result<StoredDeployToken> {
    let value = secrets::create_deploy_token(&cx.entropy);
    let id = TokenId::new(actor.now, &cx.entropy);
    let token = StoredDeployToken {
        id,
        tool: tool.id,
        hash: secrets::hash_deploy_token(&value),
        encrypted: cx.vault.encrypt_value(format_place(tool.id, id), &value)?,
        owner: manager.user,
        owner_token: manager.token,
        created: actor.now,
        suspended_at: None,
    };
    cx.store.replace_deploy_token(tx, &token).await?;
    cx.record_audit_entry(tx, actor, action, Some((tool.id, &tool.name)), id).await?;
    Ok(token)
}

/// Formats the place that the encrypted token is bound to.
fn format_place(tool: ToolId, id: TokenId) -> String {
    format!("{tool}/deploy-token/{id}")
}

async fn render_token(cx: &AccountsContext, token: &StoredDeployToken) -> Result<DeployToken> {
    let value = cx.vault.decrypt_value(format_place(token.tool, token.id), &token.encrypted);
    if let Err(error) = &value {
        // It stays valid, because its hash is stored too.
        log_error!(error, "deploy token not readable; a maintainer has to replace it");
    }
    Ok(DeployToken {
        token: value.ok(),
        creation_date: token.created,
        owner: cx.store.find_user_by_id(token.owner).await?.map(|owner| owner.name),
        suspended: is_suspended(cx, token).await?,
    })
}

/// Returns true if a deploy token is refused until it is replaced.
async fn is_suspended(cx: &AccountsContext, token: &StoredDeployToken) -> Result<bool> {
    let owner = cx.store.find_user_by_id(token.owner).await?;
    let role = cx.store.find_member_role(token.tool, token.owner).await?;
    if token.suspended_at.is_some() || owner.is_none_or(|owner| !owner.may_own_tokens(role)) {
        return Ok(true);
    }
    let Some(owner_token) = token.owner_token else { return Ok(false) };
    let owner_token = cx.store.find_token_by_id(owner_token).await?;
    Ok(owner_token.is_none_or(|owner_token| {
        owner_token.holder != TokenHolder::Tool(token.tool)
            || owner_token.suspended_at.is_some()
            || owner_token.expires.is_some_and(|expires| expires <= cx.now())
    }))
}

/// Finds the valid deploy token in a request whose path names `tool`. A wrong token, a deleted one, and any token for a
/// tool that has none or does not exist get the same answer.
pub async fn find_usable_token(
    cx: &AccountsContext,
    token: &Secret,
    tool: Option<&str>,
) -> Result<(StoredTool, TokenId)> {
    let hash = secrets::hash_deploy_token(token);
    let name = tool.and_then(|name| name.parse::<ToolName>().ok()).ok_or_else(build_refused_error)?;
    let tool = cx.store.find_tool(&name).await?.ok_or_else(build_refused_error)?;
    let stored = cx.store.find_deploy_token(tool.id).await?;
    let stored = stored.filter(|stored| secrets::is_same_hash(&stored.hash, &hash));
    let stored = stored.ok_or_else(build_refused_error)?;
    if is_suspended(cx, &stored).await? { Err(build_suspended_error(&name)) } else { Ok((tool, stored.id)) }
}

/// Finds the tool of the deploy token behind a mandate, if the token is still valid.
pub async fn find_usable_token_by_id(cx: &AccountsContext, id: TokenId) -> Result<StoredTool> {
    let stored = cx.store.find_deploy_token_by_id(id).await?.ok_or_else(build_refused_error)?;
    let tool = cx.store.find_tool_by_id(stored.tool).await?.ok_or_else(build_refused_error)?;
    if is_suspended(cx, &stored).await? { Err(build_suspended_error(&tool.name)) } else { Ok(tool) }
}

/// Suspends the deploy token of a tool if the user, who loses the right to it, has seen it.
pub async fn suspend_token_of_member(
    cx: &AccountsContext,
    tx: &Tx,
    actor: &RequestActor,
    tool: (ToolId, &ToolName),
    user: UserId,
) -> Result<()> {
    if cx.store.suspend_deploy_token(tx, tool.0, user, actor.now).await? {
        cx.record_audit_entry(tx, actor, "deploy-token.suspend", Some(tool), tool.1).await?;
    }
    Ok(())
}

/// Suspends the deploy tokens that a user has seen, in all tools; with `keeps_as_member`, not where the user is a
/// maintainer.
pub async fn suspend_tokens_of_user(
    cx: &AccountsContext,
    tx: &Tx,
    actor: &RequestActor,
    user: UserId,
    keeps_as_member: bool,
) -> Result<()> {
    for tool in cx.store.list_deploy_tokens_seen_by(tx, user).await? {
        let role = cx.store.find_member_role_in(tx, tool, user).await?;
        if keeps_as_member && role.is_some_and(|role| role.granted_access() >= Access::Write) {
            continue;
        }
        if let Some(tool) = cx.store.find_tool_by_id(tool).await? {
            suspend_token_of_member(cx, tx, actor, (tool.id, &tool.name), user).await?;
        }
    }
    Ok(())
}

fn build_refused_error() -> Error {
    Error::unauthenticated(
        "deploy-token-refused",
        "Unable to find this deploy token: it does not match the tool's token, which may have been replaced or deleted",
    )
    .help("ask a maintainer of the tool for its current deploy token")
}

fn build_suspended_error(tool: &ToolName) -> Error {
    let what = format!(
        "the deploy token of {tool} is suspended: its owner, or another person who has seen it, has lost the right to it"
    );
    Error::forbidden("deploy-token-suspended", what)
        .help("ask a maintainer of the tool to replace the deploy token, and use the new one")
}

fn build_missing_error(tool: &ToolName) -> Error {
    Error::new(
        hearth_base::ErrorKind::NotFound,
        "no-such-deploy-token",
        format!("Unable to find a deploy token of {tool}"),
    )
    .help("create one: POST to the same path")
}

fn build_exists_error(tool: &ToolName) -> Error {
    Error::conflict("deploy-token-exists", format!("{tool} has a deploy token already"))
        .help("show it (GET), replace it (PUT) or delete it (DELETE) at the same path")
}

fn build_right_error() -> Error {
    Error::forbidden("forbidden", "only a maintainer of the tool may manage its deploy token")
        .help("sign in as a maintainer: hearth login")
}
