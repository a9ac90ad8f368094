//! Signing in and out.

use axum::http::{HeaderValue, header};
use hearth_base::{Error, Secret};
use hearth_kit::{Answer, Authed, Json, Reply};
use hearth_wire::{
    accounts::{SessionCreate, SessionCreated},
    reply::{Data, Done},
};

use crate::{
    app,
    cx::Cx,
    rights::{Open, SelfService},
};

/// Sign in with a password. A browser is given the session as a cookie for this host alone.
#[utoipa::path(post, path = "/accounts/v1/sessions", tag = "accounts", operation_id = "accounts.session_create",
    request_body = SessionCreate,
    responses((status = 201, body = Data<SessionCreated>), (status = 401, description = "a wrong password"),
        (status = 403, description = "the account is disabled"),
        (status = 429, description = "too many wrong passwords")))]
pub async fn create(
    cx: Cx,
    anyone: Authed<Open>,
    Json(create): Json<SessionCreate>,
) -> Reply<SessionCreated> {
    let (secret, session, user) = app::sessions::create(&cx, &cx.by(&anyone), create).await?;
    let cookie = cookie(&cx, &secret, i64::from(cx.settings.session_days) * 86_400)?;
    let created = SessionCreated { id: session.id, secret, user: user.into(), expires: session.expires };
    Ok(Answer::created(created).header(header::SET_COOKIE, cookie))
}

/// End the session that is shown.
#[utoipa::path(delete, path = "/accounts/v1/sessions/current", tag = "accounts",
    operation_id = "accounts.session_end",
    responses((status = 200, body = Data<Done>), (status = 400, description = "a token was shown")))]
pub async fn end(cx: Cx, me: Authed<SelfService>) -> Reply<Done> {
    app::sessions::end_own(&cx, &cx.by(&me), &me.identity.credential).await?;
    let gone = cookie(&cx, &Secret::default(), 0)?;
    Ok(Answer::done().header(header::SET_COOKIE, gone))
}

/// A cookie without a domain is for the host that set it alone: no tool's page is ever sent it.
fn cookie(cx: &Cx, secret: &Secret, seconds: i64) -> hearth_base::Result<HeaderValue> {
    let name = cx.door.session_cookie();
    let secure = if cx.door.secure() { "; Secure" } else { "" };
    let text =
        format!("{name}={}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}", secret.reveal());
    HeaderValue::try_from(text).map_err(Error::internal)
}
