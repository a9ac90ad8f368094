//! Finding out whose a credential is, and what its holder is to a tool.

use hearth_base::{Caller, Credential, Error, Result, Scopes, Secret, ToolName, ToolRole};
use hearth_kit::log_error;
use hearth_wire::accounts::internal::{Resolve, Resolved, ResolvedTool};
use jiff::{SignedDuration, Timestamp};

use super::{
    secrets::{self, Purpose},
    sessions,
};
use crate::{
    cx::{By, Cx},
    store::{Given, Holder, Session, Token, Tool, User},
};

/// How exactly the last use of a credential is known: writing it down at every use would cost more than all
/// the rest of a request.
const USE_GRAIN: SignedDuration = SignedDuration::from_hours(1);

/// Who shows `resolve.secret`, and what they are to `resolve.tool`.
pub async fn resolve(cx: &Cx, by: &By, resolve: Resolve) -> Result<Resolved> {
    let Resolve { secret, tool } = resolve;
    let (caller, credential, scopes, expires) = match &secret {
        None => (Caller::Nobody, Credential::None, Scopes::of([]), None),
        Some(secret) => holder(cx, by, secret).await?,
    };
    let tool = match tool {
        Some(name) => relation(cx, &caller, &name).await?,
        None => ResolvedTool::None,
    };
    // Powers that the caller does not have are not told as if the credential gave them.
    let operator = matches!(caller, Caller::User { operator: true, .. });
    let scopes = if operator { scopes } else { scopes.without_operator() };
    Ok(Resolved { caller, credential, scopes, tool, expires })
}

/// Who it is, what they showed, what it may be used for, and when it ends.
pub type Held = (Caller, Credential, Scopes, Option<Timestamp>);

async fn holder(cx: &Cx, by: &By, secret: &Secret) -> Result<Held> {
    let hash = secrets::hash(secret);
    match Purpose::of(secret) {
        Some(Purpose::Session) => {
            let session = cx.store.session(&hash).await?.filter(|session| session.expires > by.now);
            of_session(cx, by, session.ok_or_else(refused)?).await
        }
        Some(Purpose::Token) => {
            let token = cx.store.token(&hash).await?;
            let good = token.filter(|token| token.expires.is_none_or(|expires| expires > by.now));
            of_token(cx, by, good.ok_or_else(refused)?).await
        }
        Some(Purpose::Run) => of_run_token(cx, by, &hash).await,
        Some(Purpose::Invitation) => {
            Err(Error::unauthenticated("code-is-no-token", "this is a code for coming in, not a token")
                .help("hearth login --code CODE"))
        }
        None => Err(refused()),
    }
}

async fn of_session(cx: &Cx, by: &By, mut session: Session) -> Result<Held> {
    let user = able(cx.store.user_by_id(session.user).await?)?;
    if by.now.duration_since(session.used) > USE_GRAIN {
        session.used = by.now;
        session.expires = sessions::end(cx, by.now);
        note(async {
            let tx = cx.store.begin().await?;
            cx.store.session_save(&tx, &session).await?;
            tx.commit().await
        })
        .await;
    }
    let scopes = Scopes::everything();
    Ok((caller(user, &scopes), Credential::Session(session.id), scopes, Some(session.expires)))
}

async fn of_run_token(cx: &Cx, by: &By, hash: &str) -> Result<Held> {
    let token = cx.store.run_token(hash).await?.filter(|token| token.expires > by.now).ok_or_else(refused)?;
    let Tool { id, name, .. } = cx.store.tool_by_id(token.tool).await?.ok_or_else(refused)?;
    let caller = Caller::Tool { id, name };
    Ok((caller, Credential::ToolToken(token.id), token.scopes, Some(token.expires)))
}

async fn of_token(cx: &Cx, by: &By, token: Token) -> Result<Held> {
    let (id, used) = (token.id, token.used);
    let held = bearer(cx, token).await?;
    if used.is_none_or(|used| by.now.duration_since(used) > USE_GRAIN) {
        note(async {
            let tx = cx.store.begin().await?;
            cx.store.token_used(&tx, id, by.now).await?;
            tx.commit().await
        })
        .await;
    }
    Ok(held)
}

/// Whom a token speaks for now.
async fn bearer(cx: &Cx, token: Token) -> Result<Held> {
    match token.holder {
        Holder::User(id) => {
            let user = able(cx.store.user_by_id(id).await?)?;
            let credential = Credential::PersonalToken(token.id);
            Ok((caller(user, &token.scopes), credential, token.scopes, token.expires))
        }
        Holder::Tool(id) => {
            let Tool { name, .. } = cx.store.tool_by_id(id).await?.ok_or_else(refused)?;
            // It ends with its maker's right to make it.
            let maker = able(cx.store.user_by_id(token.maker).await?)?;
            let role = cx.store.member_role(id, maker.id).await?;
            if !maker.operator && role < Some(ToolRole::Maintainer) {
                return Err(refused());
            }
            Ok((Caller::Tool { id, name }, Credential::ToolToken(token.id), token.scopes, token.expires))
        }
    }
}

/// Who somebody is now who showed this credential before: what it gives now, or a refusal when it gives nothing
/// any more. A session may have ended since, for that takes no right away.
pub async fn again(cx: &Cx, by: &By, given: Given) -> Result<Held> {
    match given {
        Given::Session(user, session) => {
            let user = able(cx.store.user_by_id(user).await?)?;
            let scopes = Scopes::everything();
            Ok((caller(user, &scopes), Credential::Session(session), scopes, None))
        }
        Given::Token(id) => {
            let token = cx.store.token_by_id(id).await?;
            let good = token.filter(|token| token.expires.is_none_or(|expires| expires > by.now));
            bearer(cx, good.ok_or_else(refused)?).await
        }
    }
}

/// Writes down a use. Whoever reads on a full disk is not refused for that.
async fn note(written: impl Future<Output = Result<()>>) {
    if let Err(error) = written.await {
        log_error!(&error, "last use of a credential not recorded");
    }
}

/// What a caller is to the tool of that name. To those who are nothing to it, it looks the same whether or not
/// it exists, or could.
async fn relation(cx: &Cx, caller: &Caller, name: &str) -> Result<ResolvedTool> {
    let operator = matches!(caller, Caller::User { operator: true, .. });
    let found = match name.parse::<ToolName>() {
        Ok(name) => cx.store.tool(&name).await?,
        Err(_) => None,
    };
    let Some(tool) = found else {
        return Ok(if operator { ResolvedTool::Missing } else { ResolvedTool::None });
    };
    let role = role(cx, caller, &tool).await?;
    Ok(role.map_or(ResolvedTool::None, |role| ResolvedTool::Role { id: tool.id, name: tool.name, role }))
}

/// What a caller is to a tool.
pub async fn role(cx: &Cx, caller: &Caller, tool: &Tool) -> Result<Option<ToolRole>> {
    let role = match caller {
        Caller::User { operator: true, .. } => Some(ToolRole::Owner),
        Caller::User { id, .. } => cx.store.member_role(tool.id, *id).await?,
        Caller::Tool { id, .. } if *id == tool.id => Some(ToolRole::Maintainer),
        Caller::Tool { .. } | Caller::Nobody | Caller::Service { .. } => None,
    };
    // A tool on its way out is frozen: it can only be looked at.
    Ok(role.map(|role| if tool.deleting { ToolRole::Viewer } else { role }))
}

fn caller(user: User, scopes: &Scopes) -> Caller {
    Caller::User { id: user.id, name: user.name, operator: user.operator && scopes.operator() }
}

fn able(user: Option<User>) -> Result<User> {
    user.filter(|user| !user.disabled).ok_or_else(refused)
}

fn refused() -> Error {
    Error::unauthenticated(
        "credential-refused",
        "the token or session shown is not good: it was revoked, or has run out",
    )
    .help("hearth login")
}
