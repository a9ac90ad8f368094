//! Mandates: delegated rights by which a service continues to act for a caller after the caller's request has
//! ended, while the caller still has the rights.

use hearth_base::{
    Access, Caller, Credential, Error, ErrorKind, Identity, MANDATE_LIFETIME, Mandate as Signed, MandateId,
    PresentedCredentials, Result, Role, Scope, Scopes, Secret, ToolGrant, ToolId, ToolName, check_plain_text,
};
use hearth_wire::accounts::internal::{MandateCreate, MandateUsed};
use jiff::SignedDuration;

use super::resolution;
use crate::{
    context::{AccountsContext, RequestActor},
    store::{Mandate, MandateCredential, StoredTool},
};

/// Longest duration of a mandate; longer work needs a new request by a person.
pub const MAX_MANDATE_DURATION: SignedDuration = SignedDuration::from_hours(24);

/// Creates a mandate for `holder` from the rights of the present request on its tool.
pub async fn create_mandate(
    cx: &AccountsContext,
    actor: &RequestActor,
    holder: Role,
    create: MandateCreate,
) -> Result<MandateId> {
    let MandateCreate { identity, mandate, scopes, cause } = create;
    check_plain_text("cause", &cause, 1..=200)?;
    let shown = PresentedCredentials {
        identity: identity.expose_secret(),
        mandate: mandate.as_ref().map(|text| text.expose_secret()),
    };
    let (giver, parent) = shown.verify(&cx.ring, holder, actor.now)?;
    let Identity { caller, credential, scopes: held_scopes, tool, .. } = giver;
    let Some(ToolGrant::Granted { id: tool, name, .. }) = tool else {
        return Err(Error::forbidden("mandate-tool", "a mandate needs a tool that the caller has access to"));
    };
    let user = match caller {
        Caller::User { id, .. } => Some(id),
        _ => None,
    };
    let giver_credential =
        MandateCredential::from_credential(user, &credential, parent).ok_or_else(|| {
            Error::forbidden("mandate-giver", "a mandate needs a user or a tool token as the caller")
        })?;
    check_scopes(&scopes, &held_scopes)?;
    let (id, expires) = (MandateId::new(actor.now, &cx.entropy), actor.now + MAX_MANDATE_DURATION);
    let mandate = Mandate {
        id,
        holder,
        tool,
        user,
        giver_credential,
        parent,
        scopes,
        cause,
        created: actor.now,
        expires,
        ended: None,
    };
    check_giver_rights(cx, actor, &mandate).await?;
    let tx = cx.store.begin().await?;
    cx.store.lock_tool(&tx, tool).await?;
    if let Some(parent) = parent {
        let parent = cx.store.find_mandate_in(&tx, parent).await?;
        parent.filter(|parent| is_active(parent, actor)).ok_or_else(build_ended_error)?;
    }
    cx.store.insert_mandate(&tx, &mandate).await?;
    let actor = actor.on_behalf_of(&caller);
    let action = match caller {
        Caller::Deployer { .. } => "deploy-token.use",
        _ => "mandate.create",
    };
    cx.record_audit_entry(&tx, &actor, action, Some((tool, &name)), &mandate.cause).await?;
    tx.commit().await?;
    Ok(id)
}

/// Signs a mandate for one use with `audience`, if its giver still has the rights. If not, the mandate ends.
pub async fn sign_mandate(
    cx: &AccountsContext,
    actor: &RequestActor,
    holder: Role,
    id: MandateId,
    audience: Role,
) -> Result<MandateUsed> {
    let mandate = cx.store.find_mandate(id).await?.filter(|mandate| mandate.holder == holder);
    let mandate = mandate.ok_or_else(|| Error::not_found("mandate", id))?;
    if !is_active(&mandate, actor) {
        return Err(build_ended_error());
    }
    let access = mandate.scopes.access_to_service(audience).ok_or_else(|| {
        Error::forbidden("mandate-scope", format!("the mandate does not cover the service {audience}"))
    })?;
    let (caller, tool) = match check_giver_rights(cx, actor, &mandate).await {
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::Forbidden | ErrorKind::Unauthenticated | ErrorKind::NotFound
            ) =>
        {
            end_lost_mandate(cx, actor, &mandate).await?;
            return Err(error);
        }
        found => found?,
    };
    let signed = Signed {
        id,
        holder,
        caller: caller.0,
        credential: caller.1,
        scopes: mandate.scopes,
        audience,
        tool: tool.id,
        name: tool.name.clone(),
        access,
        expires: actor.now + MANDATE_LIFETIME,
    };
    Ok(MandateUsed { mandate: Secret::new(signed.sign(&cx.key)?), tool: tool.name })
}

/// Ends a mandate of `holder`. An unknown mandate counts as ended.
pub async fn end_mandate(
    cx: &AccountsContext,
    actor: &RequestActor,
    holder: Role,
    id: MandateId,
) -> Result<()> {
    let tx = cx.store.begin().await?;
    let found = cx.store.find_mandate_in(&tx, id).await?;
    if found.is_none_or(|mandate| mandate.holder != holder) {
        return Ok(());
    }
    cx.store.end_mandate_tree(&tx, id, actor.now).await?;
    tx.commit().await
}

/// Checks the scopes of delegated rights: only read and write of named services other than accounts and the
/// gateway, within `held`.
pub fn check_scopes(scopes: &Scopes, held_scopes: &Scopes) -> Result<()> {
    let is_allowed = scopes.iter().all(|scope| match scope {
        Scope::Tools(Some(Role::Accounts | Role::Gateway) | None, _) | Scope::Operator => false,
        Scope::Tools(Some(_), access) => *access <= Access::Write,
    });
    if !is_allowed || scopes.iter().next().is_none() {
        return Err(Error::forbidden(
            "scope-too-wide",
            "the scopes are too wide; a service may get SERVICE:read and SERVICE:write of named services",
        ));
    }
    if !held_scopes.contains_all(scopes) {
        return Err(Error::forbidden(
            "scope-too-wide",
            "the request needs more scopes than its credential has",
        )
        .help("use a token with more scopes, or sign in: hearth login"));
    }
    Ok(())
}

/// Returns the giver and the tool of a mandate, if the giver still has all its rights.
pub async fn check_giver_rights(
    cx: &AccountsContext,
    actor: &RequestActor,
    mandate: &Mandate,
) -> Result<((Caller, Credential), StoredTool)> {
    let (caller, credential, scopes, _) = resolution::recheck_credential(cx, actor, mandate.giver_credential)
        .await
        .map_err(|error| match error.kind() {
            ErrorKind::Unauthenticated => {
                Error::forbidden("mandate-lost", "the user or token that started this no longer has access")
                    .help("start it again with a valid credential")
            }
            _ => error,
        })?;
    let tool = cx.store.find_tool_by_id(mandate.tool).await?;
    let tool = tool.ok_or_else(|| Error::not_found("tool", mandate.tool))?;
    let role = resolution::find_tool_role(cx, &caller, &tool).await?;
    let needed = mandate.scopes.iter().filter_map(|scope| match scope {
        Scope::Tools(_, access) => Some(*access),
        Scope::Operator => None,
    });
    if role.map(|role| role.granted_access()) < needed.max() || !scopes.contains_all(&mandate.scopes) {
        return Err(build_lost_error(&caller, &tool.name));
    }
    Ok(((caller, credential), tool))
}

/// Ends a mandate whose giver has lost the rights; it stays ended if the giver gets them again.
pub async fn end_lost_mandate(cx: &AccountsContext, actor: &RequestActor, mandate: &Mandate) -> Result<()> {
    let name = cx.store.find_tool_by_id(mandate.tool).await?.map(|tool| tool.name);
    let tool: Option<(ToolId, &ToolName)> = name.as_ref().map(|name| (mandate.tool, name));
    let tx = cx.store.begin().await?;
    cx.store.end_mandate_tree(&tx, mandate.id, actor.now).await?;
    cx.record_audit_entry(&tx, actor, "mandate.lose", tool, &mandate.cause).await?;
    tx.commit().await
}

/// Returns true until a mandate has ended or expired.
pub fn is_active(mandate: &Mandate, actor: &RequestActor) -> bool {
    mandate.ended.is_none() && mandate.expires > actor.now
}

/// Builds the error of a mandate that has ended.
pub fn build_ended_error() -> Error {
    Error::forbidden(
        "mandate-ended",
        "the mandate of this operation has ended: access was revoked, or it has expired",
    )
    .help("start it again")
}

fn build_lost_error(caller: &Caller, tool: &ToolName) -> Error {
    let giver = match caller {
        Caller::User { name, .. } => name.to_string(),
        _ => "the token that started this".to_owned(),
    };
    Error::forbidden("mandate-lost", format!("{giver} no longer has access to {tool}"))
        .help("ask a maintainer of the tool to start it again")
}

#[cfg(test)]
mod tests {
    use hearth_base::{SessionId, ToolRole};
    use hearth_kit::{config::HearthConfig, db::Db};
    use hearth_testkit::on_every_store;

    use super::*;
    use crate::context::test_context::{build_test_context, insert_maintainer};

    async fn mandate_ends_for_good_when_its_giver_loses_the_right(db: Db) -> Result<()> {
        let (cx, _stand) = build_test_context(db, HearthConfig::default()).await?;
        let (user, tool) = insert_maintainer(&cx, None).await?;
        let actor = cx.build_system_actor();
        let mandate = Mandate {
            id: MandateId::new(actor.now, &cx.entropy),
            holder: Role::Components,
            tool: tool.id,
            user: Some(user.id),
            giver_credential: MandateCredential::Session(user.id, SessionId::new(actor.now, &cx.entropy)),
            parent: None,
            scopes: Scopes::from_scopes([Scope::Tools(Some(Role::Jobs), Access::Write)]),
            cause: "deployment".to_owned(),
            created: actor.now,
            expires: actor.now + MAX_MANDATE_DURATION,
            ended: None,
        };
        let tx = cx.store.begin().await?;
        cx.store.insert_mandate(&tx, &mandate).await?;
        tx.commit().await?;
        let sign = async || sign_mandate(&cx, &actor, Role::Components, mandate.id, Role::Jobs).await;
        assert_eq!(sign().await?.tool, tool.name);
        let set_role = async |role: ToolRole| {
            let tx = cx.store.begin().await?;
            cx.store.set_member(&tx, tool.id, user.id, role, actor.now).await?;
            tx.commit().await
        };
        set_role(ToolRole::Viewer).await?;
        assert_eq!(sign().await.unwrap_err().code(), "mandate-lost");
        set_role(ToolRole::Maintainer).await?;
        assert_eq!(sign().await.unwrap_err().code(), "mandate-ended");
        Result::Ok(())
    }

    on_every_store!(mandate_ends_for_good_when_its_giver_loses_the_right);
}
