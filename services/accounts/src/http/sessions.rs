//! Endpoints for sessions.

use axum::http::{HeaderValue, header};
use hearth_base::{Error, Secret};
use hearth_kit::{ApiResponse, ApiResult, Authed, Json};
use hearth_wire::{
    accounts::{SessionCreate, SessionCreated},
    reply::{Data, Done},
};

use crate::{
    app,
    context::AccountsContext,
    rights::{NoSignIn, SelfService},
};

/// Sign in with a password. A browser gets the session as a cookie for this host only.
#[utoipa::path(post, path = "/accounts/v1/sessions", tag = "accounts", operation_id = "accounts.session_create",
    request_body = SessionCreate,
    responses((status = 201, body = Data<SessionCreated>), (status = 401, description = "the name or password is wrong"),
        (status = 403, description = "the account is disabled"),
        (status = 429, description = "too many failed sign-ins")))]
pub async fn create(
    cx: AccountsContext,
    anyone: Authed<NoSignIn>,
    Json(create): Json<SessionCreate>,
) -> ApiResult<SessionCreated> {
    let app::sessions::OpenedSession { secret, session, user, device } =
        app::sessions::create_session(&cx, &cx.build_actor(&anyone), create).await?;
    let cookie = build_session_cookie(&cx, &secret, i64::from(cx.settings.session_days) * 86_400)?;
    let created =
        SessionCreated { id: session.id, secret, user: user.into(), device, expires: session.expires };
    Ok(ApiResponse::created(created).with_header(header::SET_COOKIE, cookie))
}

/// End the session of the request's credential.
#[utoipa::path(delete, path = "/accounts/v1/sessions/current", tag = "accounts",
    operation_id = "accounts.session_end",
    responses((status = 200, body = Data<Done>), (status = 400, description = "the credential is a token")))]
pub async fn end_session(cx: AccountsContext, me: Authed<SelfService>) -> ApiResult<Done> {
    app::sessions::end_current_session(&cx, &cx.build_actor(&me), &me.identity.credential).await?;
    let expired = build_session_cookie(&cx, &Secret::default(), 0)?;
    Ok(ApiResponse::ok_done().with_header(header::SET_COOKIE, expired))
}

/// Builds the session cookie. Without a domain it is for the host that set it only, so that it is never sent
/// to a tool's pages.
fn build_session_cookie(
    cx: &AccountsContext,
    secret: &Secret,
    seconds: i64,
) -> hearth_base::Result<HeaderValue> {
    let name = cx.door.session_cookie();
    let secure = if cx.door.uses_tls() { "; Secure" } else { "" };
    let text = format!(
        "{name}={}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}",
        secret.expose_secret()
    );
    HeaderValue::try_from(text).map_err(Error::internal)
}
