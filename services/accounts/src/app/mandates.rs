//! Mandates: a service goes on for somebody after their request has ended, as long as they have the right.

use hearth_base::{
    Access, Caller, Credential, Error, Identity, Kind, MANDATE_LIFE, Mandate as Signed, MandateId, Result,
    Role, Scope, Scopes, Secret, Shown, ToolGrant, ToolId, ToolName, plain_text,
};
use hearth_wire::accounts::internal::{MandateCreate, MandateUsed};
use jiff::SignedDuration;

use super::resolve;
use crate::{
    cx::{By, Cx},
    store::{Given, Mandate, Tool},
};

/// How long a mandate lasts at most. What takes longer asks a person again.
const LIFE: SignedDuration = SignedDuration::from_hours(24);

/// Keeps what the caller of a request to `holder` may do with the tool of that request.
pub async fn create(cx: &Cx, by: &By, holder: Role, create: MandateCreate) -> Result<MandateId> {
    let MandateCreate { identity, mandate, scopes, cause } = create;
    plain_text("cause", &cause, 1..=200)?;
    let shown = Shown { identity: identity.reveal(), mandate: mandate.as_ref().map(|text| text.reveal()) };
    let (giver, parent) = shown.verify(&cx.ring, holder, by.now)?;
    let Identity { caller, credential, scopes: held, tool, .. } = giver;
    let Some(ToolGrant::Granted { id: tool, name, .. }) = tool else {
        return Err(Error::forbidden("mandate-tool", "a mandate is about a tool that its giver works on"));
    };
    let user = match caller {
        Caller::User { id, .. } => Some(id),
        _ => None,
    };
    let given = Given::of(user, &credential)
        .ok_or_else(|| Error::forbidden("mandate-giver", "only people and tools give mandates"))?;
    check(&scopes, &held)?;
    let (id, expires) = (MandateId::new(by.now, &cx.entropy), by.now + LIFE);
    let mandate = Mandate {
        id,
        holder,
        tool,
        user,
        given,
        parent,
        scopes,
        cause,
        created: by.now,
        expires,
        ended: None,
    };
    standing(cx, by, &mandate).await?;
    let tx = cx.store.begin().await?;
    cx.store.tool_locked(&tx, tool).await?;
    if let Some(parent) = parent {
        let parent = cx.store.mandate_in(&tx, parent).await?;
        parent.filter(|parent| alive(parent, by)).ok_or_else(ended)?;
    }
    cx.store.mandate_add(&tx, &mandate).await?;
    let by = by.for_giver(&caller);
    cx.audit(&tx, &by, "mandate.create", Some((tool, &name)), &mandate.cause).await?;
    tx.commit().await?;
    Ok(id)
}

/// Signs a mandate for one use towards `audience`, if its giver still has the right.
pub async fn sign(cx: &Cx, by: &By, holder: Role, id: MandateId, audience: Role) -> Result<MandateUsed> {
    let mandate = cx.store.mandate(id).await?.filter(|mandate| mandate.holder == holder);
    let mandate = mandate.ok_or_else(|| Error::not_found("mandate", id))?;
    if !alive(&mandate, by) {
        return Err(ended());
    }
    let access = mandate.scopes.access(audience).ok_or_else(|| {
        Error::forbidden("mandate-scope", format!("this mandate was not given for {audience}"))
    })?;
    let (caller, tool) = match standing(cx, by, &mandate).await {
        Err(error) if matches!(error.kind(), Kind::Forbidden | Kind::Unauthenticated | Kind::NotFound) => {
            lose(cx, by, &mandate).await?;
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
        expires: by.now + MANDATE_LIFE,
    };
    Ok(MandateUsed { mandate: Secret::new(signed.sign(&cx.key)?), tool: tool.name })
}

/// Ends a mandate of `holder`. One that is not there has ended.
pub async fn end(cx: &Cx, by: &By, holder: Role, id: MandateId) -> Result<()> {
    let tx = cx.store.begin().await?;
    let found = cx.store.mandate_in(&tx, id).await?;
    if found.is_none_or(|mandate| mandate.holder != holder) {
        return Ok(());
    }
    cx.store.mandate_end(&tx, id, by.now).await?;
    tx.commit().await
}

/// Services act for people on what a tool runs and has, in named services, and never on whose it is.
pub fn check(scopes: &Scopes, held: &Scopes) -> Result<()> {
    let small = scopes.iter().all(|scope| match scope {
        Scope::Tools(Some(Role::Accounts | Role::Gateway) | None, _) | Scope::Operator => false,
        Scope::Tools(Some(_), access) => *access <= Access::Write,
    });
    if !small || scopes.iter().next().is_none() {
        return Err(Error::forbidden(
            "scope-too-wide",
            "a service acts for somebody with SERVICE:read or \
            SERVICE:write of named services",
        ));
    }
    if !held.cover(scopes) {
        return Err(Error::forbidden(
            "scope-too-wide",
            "this needs more than the credential shown may be used for",
        )
        .help("use a token with more scopes, or sign in: hearth login"));
    }
    Ok(())
}

/// Who gave a mandate, and the tool, when they may still do all that it was given for.
async fn standing(cx: &Cx, by: &By, mandate: &Mandate) -> Result<((Caller, Credential), Tool)> {
    let (caller, credential, scopes, _) =
        resolve::again(cx, by, mandate.given).await.map_err(|error| match error.kind() {
            Kind::Unauthenticated => {
                Error::forbidden("mandate-lost", "the person or token behind this has no access any more")
                    .help("start it again with a credential that is good")
            }
            _ => error,
        })?;
    let tool = cx.store.tool_by_id(mandate.tool).await?;
    let tool = tool.ok_or_else(|| Error::not_found("tool", mandate.tool))?;
    let role = resolve::role(cx, &caller, &tool).await?;
    let needed = mandate.scopes.iter().filter_map(|scope| match scope {
        Scope::Tools(_, access) => Some(*access),
        Scope::Operator => None,
    });
    if role.map(|role| role.access()) < needed.max() || !scopes.cover(&mandate.scopes) {
        return Err(lost(&caller, &tool.name));
    }
    Ok(((caller, credential), tool))
}

/// A mandate whose giver has lost the right does not come back when they get it again.
async fn lose(cx: &Cx, by: &By, mandate: &Mandate) -> Result<()> {
    let name = cx.store.tool_by_id(mandate.tool).await?.map(|tool| tool.name);
    let tool: Option<(ToolId, &ToolName)> = name.as_ref().map(|name| (mandate.tool, name));
    let tx = cx.store.begin().await?;
    cx.store.mandate_end(&tx, mandate.id, by.now).await?;
    cx.audit(&tx, by, "mandate.lose", tool, &mandate.cause).await?;
    tx.commit().await
}

fn alive(mandate: &Mandate, by: &By) -> bool {
    mandate.ended.is_none() && mandate.expires > by.now
}

fn ended() -> Error {
    Error::forbidden(
        "mandate-ended",
        "what this was started with has ended: a right was taken away, or too much \
        time has passed",
    )
    .help("start it again")
}

fn lost(caller: &Caller, tool: &ToolName) -> Error {
    let who = match caller {
        Caller::User { name, .. } => name.to_string(),
        _ => "the token behind this".to_owned(),
    };
    Error::forbidden("mandate-lost", format!("{who} may not work on {tool} any more"))
        .help("somebody who may has to start it again")
}
