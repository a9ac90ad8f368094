//! Coming in, and oneself.

use hearth_base::{Caller, Credential};
use hearth_kit::{Answer, Authed, Json, Reply};
use hearth_wire::{
    accounts::{Email, Join, Me, PasswordChange, User},
    reply::{Data, Done},
};

use crate::{
    app,
    cx::Cx,
    rights::{Open, SelfService, SignedIn},
};

/// Come in with a code: the one that the first start printed, or an invitation's.
#[utoipa::path(post, path = "/accounts/v1/join", tag = "accounts", operation_id = "accounts.join",
    request_body = Join,
    responses((status = 201, body = Data<User>), (status = 403, description = "the code is not good"),
        (status = 409, description = "the name is taken")))]
pub async fn join(cx: Cx, anyone: Authed<Open>, Json(join): Json<Join>) -> Reply<User> {
    let user = app::join::join(&cx, &cx.by(&anyone), join).await?;
    Ok(Answer::created(user.into()))
}

/// Who the caller is, and what they showed.
#[utoipa::path(get, path = "/accounts/v1/me", tag = "accounts", operation_id = "accounts.me",
    responses((status = 200, body = Data<Me>)))]
pub async fn me(caller: Authed<SignedIn>) -> Reply<Me> {
    let (kind, name, operator) = match &caller.caller {
        Caller::User { name, operator, .. } => ("user", name.to_string(), *operator),
        Caller::Tool { name, .. } => ("tool", name.to_string(), false),
        Caller::Nobody | Caller::Service { .. } => ("nobody", String::new(), false),
    };
    let identity = &caller.identity;
    let (credential, scopes) = (identity.credential.clone(), identity.scopes.clone());
    Ok(Answer::of(Me { kind: kind.to_owned(), name, operator, credential, scopes }))
}

/// Choose a new password. The caller's other sessions end.
#[utoipa::path(post, path = "/accounts/v1/me/password", tag = "accounts", operation_id = "accounts.password",
    request_body = PasswordChange,
    responses((status = 200, body = Data<Done>), (status = 400, description = "the new one is too short")))]
pub async fn password_change(
    cx: Cx,
    me: Authed<SelfService>,
    Json(change): Json<PasswordChange>,
) -> Reply<Done> {
    let keep = match me.identity.credential {
        Credential::Session(session) => Some(session),
        _ => None,
    };
    app::users::password_change(&cx, &cx.by(&me), me.id, keep, change).await?;
    Ok(Answer::done())
}

/// Where mail to the caller goes.
#[utoipa::path(get, path = "/accounts/v1/me/email", tag = "accounts", operation_id = "accounts.email",
    responses((status = 200, body = Data<Email>)))]
pub async fn email(cx: Cx, me: Authed<SelfService>) -> Reply<Email> {
    Ok(Answer::of(Email { address: app::users::email(&cx, me.id).await? }))
}

/// Change where mail to the caller goes.
#[utoipa::path(put, path = "/accounts/v1/me/email", tag = "accounts", operation_id = "accounts.email_put",
    request_body = Email, responses((status = 200, body = Data<Email>)))]
pub async fn email_put(cx: Cx, me: Authed<SelfService>, Json(email): Json<Email>) -> Reply<Email> {
    app::users::email_put(&cx, &cx.by(&me), me.id, email.address.clone()).await?;
    Ok(Answer::of(email))
}
