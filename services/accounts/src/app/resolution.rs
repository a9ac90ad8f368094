//! Resolution of credentials: the caller, the scopes, and the caller's role on a tool.

use hearth_base::{
    Access, Caller, Credential, Error, Result, Role, Scope, Scopes, Secret, ToolName, ToolRole,
};
use hearth_kit::log_error;
use hearth_wire::accounts::internal::{BuildGrant, ResolveCaller, ResolvedCaller, ResolvedTool};
use jiff::{SignedDuration, Timestamp};

use super::{
    deploy_tokens,
    secrets::{self, SecretKind},
    sessions,
};
use crate::{
    context::{AccountsContext, RequestActor},
    store::{MandateCredential, Session, StoredToken, StoredTool, TokenHolder, User},
};

/// Resolution of recorded last uses. A write at each use would cost more than the rest of a request.
const LAST_USE_RESOLUTION: SignedDuration = SignedDuration::from_hours(1);

/// Resolves a secret to its caller, and the caller's role on `resolve.tool`.
pub async fn resolve_credential(
    cx: &AccountsContext,
    actor: &RequestActor,
    resolve: ResolveCaller,
) -> Result<ResolvedCaller> {
    let ResolveCaller { secret, tool } = resolve;
    let (caller, credential, scopes, expires) = match &secret {
        None => (Caller::Anonymous, Credential::None, Scopes::from_scopes([]), None),
        Some(secret) => resolve_secret(cx, actor, secret, tool.as_deref()).await?,
    };
    let tool = match tool {
        Some(name) => resolve_tool_role(cx, &caller, &name).await?,
        None => ResolvedTool::None,
    };
    // The operator scope is returned only if the caller is an operator.
    let operator = matches!(caller, Caller::User { operator: true, .. });
    let scopes = if operator { scopes } else { scopes.without_operator() };
    Ok(ResolvedCaller { caller, credential, scopes, tool, expires })
}

/// Caller, credential, scopes and expiry.
pub type ResolvedCredential = (Caller, Credential, Scopes, Option<Timestamp>);

/// Resolves a secret by its kind, in a request whose path names `tool`.
async fn resolve_secret(
    cx: &AccountsContext,
    actor: &RequestActor,
    secret: &Secret,
    tool: Option<&str>,
) -> Result<ResolvedCredential> {
    let hash = secrets::hash_secret(secret);
    match SecretKind::from_secret(secret) {
        Some(SecretKind::Session) => {
            let session = cx.store.find_session(&hash).await?.filter(|session| session.expires > actor.now);
            resolve_session(cx, actor, session.ok_or_else(build_refused_error)?).await
        }
        Some(SecretKind::Token) => {
            let token = cx.store.find_token(&hash).await?;
            let valid = token.filter(|token| token.expires.is_none_or(|expires| expires > actor.now));
            resolve_token(cx, actor, valid.ok_or_else(build_refused_error)?).await
        }
        Some(SecretKind::Run) => resolve_run_token(cx, actor, &hash).await,
        Some(SecretKind::Deploy) => {
            let (StoredTool { id, name, .. }, token) =
                deploy_tokens::find_usable_token(cx, secret, tool).await?;
            let credential = Credential::ToolToken(token);
            Ok((Caller::Deployer { id, name }, credential, deploy_tokens::list_scopes(), None))
        }
        Some(SecretKind::Invitation | SecretKind::Recovery) => {
            Err(Error::unauthenticated("code-is-no-token", "the credential is a code, not a token")
                .help("hearth login --code-stdin, or hearth password --code-stdin"))
        }
        Some(SecretKind::Device) | None => Err(build_refused_error()),
    }
}

/// Resolves a session, and extends it at most once per hour.
async fn resolve_session(
    cx: &AccountsContext,
    actor: &RequestActor,
    mut session: Session,
) -> Result<ResolvedCredential> {
    let user = require_enabled_user(cx.store.find_user_by_id(session.user).await?)?;
    if actor.now.duration_since(session.last_used) > LAST_USE_RESOLUTION {
        session.last_used = actor.now;
        session.expires = sessions::compute_session_expiry(cx, actor.now);
        record_use(async {
            let tx = cx.store.begin().await?;
            cx.store.update_session(&tx, &session).await?;
            tx.commit().await
        })
        .await;
    }
    let scopes = Scopes::full_access();
    Ok((build_user_caller(user, &scopes), Credential::Session(session.id), scopes, Some(session.expires)))
}

async fn resolve_run_token(
    cx: &AccountsContext,
    actor: &RequestActor,
    hash: &str,
) -> Result<ResolvedCredential> {
    let token = cx
        .store
        .find_run_token(hash)
        .await?
        .filter(|token| token.expires > actor.now)
        .ok_or_else(build_refused_error)?;
    let StoredTool { id, name, .. } =
        cx.store.find_tool_by_id(token.tool).await?.ok_or_else(build_refused_error)?;
    let (caller, scopes) = match token.build {
        None => (Caller::Tool { id, name }, token.scopes),
        Some(BuildGrant { build, image }) => {
            // The guard of the registry compares the image.
            let pushes = image.as_ref().map(|_| Scope::Tools(Some(Role::Images), Access::Write));
            (Caller::Build { id: build, tool: id, image }, Scopes::from_scopes(pushes))
        }
    };
    Ok((caller, Credential::ToolToken(token.id), scopes, Some(token.expires)))
}

async fn resolve_token(
    cx: &AccountsContext,
    actor: &RequestActor,
    token: StoredToken,
) -> Result<ResolvedCredential> {
    let (id, last_used) = (token.id, token.last_used);
    let resolved = resolve_token_holder(cx, token).await?;
    if last_used.is_none_or(|last_used| actor.now.duration_since(last_used) > LAST_USE_RESOLUTION) {
        record_use(async {
            let tx = cx.store.begin().await?;
            cx.store.record_token_use(&tx, id, actor.now).await?;
            tx.commit().await
        })
        .await;
    }
    Ok(resolved)
}

/// Resolves a token to its current caller.
async fn resolve_token_holder(cx: &AccountsContext, token: StoredToken) -> Result<ResolvedCredential> {
    match token.holder {
        TokenHolder::User(id) => {
            let user = require_enabled_user(cx.store.find_user_by_id(id).await?)?;
            let credential = Credential::PersonalToken(token.id);
            Ok((build_user_caller(user, &token.scopes), credential, token.scopes, token.expires))
        }
        TokenHolder::Tool(id) => {
            let StoredTool { name, .. } =
                cx.store.find_tool_by_id(id).await?.ok_or_else(build_refused_error)?;
            // A tool token is valid only while its creator may create it.
            let maker = require_enabled_user(cx.store.find_user_by_id(token.maker).await?)?;
            let role = cx.store.find_member_role(id, maker.id).await?;
            if token.suspended_at.is_some() || !maker.may_own_tokens(role) {
                return Err(build_refused_error());
            }
            Ok((Caller::Tool { id, name }, Credential::ToolToken(token.id), token.scopes, token.expires))
        }
    }
}

/// Resolves the credential that a mandate's giver used, with its current rights. An ended session still
/// counts, because its end takes no rights away.
pub async fn recheck_credential(
    cx: &AccountsContext,
    actor: &RequestActor,
    giver_credential: MandateCredential,
) -> Result<ResolvedCredential> {
    match giver_credential {
        MandateCredential::Session(user, session) => {
            let user = require_enabled_user(cx.store.find_user_by_id(user).await?)?;
            let scopes = Scopes::full_access();
            Ok((build_user_caller(user, &scopes), Credential::Session(session), scopes, None))
        }
        MandateCredential::Membership(user) => {
            let user = require_enabled_user(cx.store.find_user_by_id(user).await?)?;
            let scopes = Scopes::full_access();
            Ok((build_user_caller(user, &scopes), Credential::None, scopes, None))
        }
        MandateCredential::Token(id) => {
            let Some(token) = cx.store.find_token_by_id(id).await? else {
                // A deployment by a deploy token acts for the tool.
                let StoredTool { id: tool, name, .. } =
                    deploy_tokens::find_usable_token_by_id(cx, id).await?;
                let caller = Caller::Tool { id: tool, name };
                return Ok((caller, Credential::ToolToken(id), deploy_tokens::list_scopes(), None));
            };
            let valid = Some(token).filter(|token| token.expires.is_none_or(|expires| expires > actor.now));
            resolve_token_holder(cx, valid.ok_or_else(build_refused_error)?).await
        }
    }
}

/// Records a use. An error is only logged, so that a full disk does not block reads.
async fn record_use(written: impl Future<Output = Result<()>>) {
    if let Err(error) = written.await {
        log_error!(&error, "last use of a credential not recorded");
    }
}

/// Finds the caller's role on the tool with a name. Callers without a role get the same answer for existing,
/// missing and impossible names.
async fn resolve_tool_role(cx: &AccountsContext, caller: &Caller, name: &str) -> Result<ResolvedTool> {
    let operator = matches!(caller, Caller::User { operator: true, .. });
    let found = match name.parse::<ToolName>() {
        Ok(name) => cx.store.find_tool(&name).await?,
        Err(_) => None,
    };
    let Some(tool) = found else {
        return Ok(if operator { ResolvedTool::Missing } else { ResolvedTool::None });
    };
    let role = find_tool_role(cx, caller, &tool).await?;
    Ok(role.map_or(ResolvedTool::None, |role| ResolvedTool::Role { id: tool.id, name: tool.name, role }))
}

/// Finds a caller's role on a tool.
pub async fn find_tool_role(
    cx: &AccountsContext,
    caller: &Caller,
    tool: &StoredTool,
) -> Result<Option<ToolRole>> {
    let role = match caller {
        Caller::User { operator: true, .. } => Some(ToolRole::Owner),
        Caller::User { id, .. } => cx.store.find_member_role(tool.id, *id).await?,
        Caller::Tool { id, .. } | Caller::Build { tool: id, .. } | Caller::Deployer { id, .. }
            if *id == tool.id =>
        {
            Some(ToolRole::Maintainer)
        }
        Caller::Tool { .. }
        | Caller::Build { .. }
        | Caller::Deployer { .. }
        | Caller::Anonymous
        | Caller::Service { .. } => None,
    };
    // A tool that is being deleted is read-only.
    Ok(role.map(|role| if tool.deleting { ToolRole::Viewer } else { role }))
}

fn build_user_caller(user: User, scopes: &Scopes) -> Caller {
    Caller::User { id: user.id, name: user.name, operator: user.operator && scopes.has_operator() }
}

fn require_enabled_user(user: Option<User>) -> Result<User> {
    user.filter(|user| !user.disabled).ok_or_else(build_refused_error)
}

fn build_refused_error() -> Error {
    Error::unauthenticated(
        "credential-refused",
        "the token or session is invalid: it is mistyped, revoked or expired",
    )
    .help("hearth login")
}
