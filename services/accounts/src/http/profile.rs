//! Endpoints for one's own account.

use hearth_base::Caller;
use hearth_kit::{ApiResponse, ApiResult, Authed, Json};
use hearth_wire::{
    accounts::{
        CallerInfo, MailAddress, MailAddressChange, MailAddressConfirmation, PasswordChange, User,
        UserRegistration,
    },
    reply::{Data, Done},
};

use crate::{
    app,
    context::AccountsContext,
    rights::{ManageSignIn, NoSignIn, SelfService, SignedIn},
};

/// Create an account with a code: the one of the first start, or an invitation.
#[utoipa::path(post, path = "/accounts/v1/join", tag = "accounts", operation_id = "accounts.join",
    request_body = UserRegistration,
    responses((status = 201, body = Data<User>), (status = 403, description = "the code is invalid"),
        (status = 409, description = "the name is taken or reserved"),
        (status = 429, description = "too many attempts")))]
pub async fn create_account(
    cx: AccountsContext,
    anyone: Authed<NoSignIn>,
    Json(join): Json<UserRegistration>,
) -> ApiResult<User> {
    let user = app::join::create_account(&cx, &cx.build_actor(&anyone), join).await?;
    Ok(ApiResponse::created(user.into()))
}

/// Show the caller and the credential of the request.
#[utoipa::path(get, path = "/accounts/v1/me", tag = "accounts", operation_id = "accounts.me",
    responses((status = 200, body = Data<CallerInfo>)))]
pub async fn show_me(caller: Authed<SignedIn>) -> ApiResult<CallerInfo> {
    let (kind, name, operator) = match &caller.caller {
        Caller::User { name, operator, .. } => ("user", name.to_string(), *operator),
        Caller::Tool { name, .. } => ("tool", name.to_string(), false),
        Caller::Build { id, .. } => ("build", id.to_string(), false),
        Caller::Anonymous | Caller::Deployer { .. } | Caller::Service { .. } => {
            ("nobody", String::new(), false)
        }
    };
    let identity = &caller.identity;
    let (credential, scopes) = (identity.credential.clone(), identity.scopes.clone());
    Ok(ApiResponse::ok(CallerInfo { kind: kind.to_owned(), name, operator, credential, scopes }))
}

/// Change the caller's password. The caller's other sessions and recovery codes end; tokens stay valid.
#[utoipa::path(post, path = "/accounts/v1/me/password", tag = "accounts", operation_id = "accounts.password",
    request_body = PasswordChange,
    responses((status = 200, body = Data<Done>), (status = 400, description = "the new password is too short"),
        (status = 403, description = "the current password is wrong"), (status = 429, description = "too many attempts")))]
pub async fn change_password(
    cx: AccountsContext,
    me: Authed<SelfService>,
    Json(change): Json<PasswordChange>,
) -> ApiResult<Done> {
    app::users::change_password(&cx, &cx.build_actor(&me), me.id, &me.identity.credential, change).await?;
    Ok(ApiResponse::ok_done())
}

/// Show the caller's mail address, and a new one that is not confirmed yet.
#[utoipa::path(get, path = "/accounts/v1/me/email", tag = "accounts", operation_id = "accounts.email",
    responses((status = 200, body = Data<MailAddress>)))]
pub async fn show_email(cx: AccountsContext, me: Authed<SelfService>) -> ApiResult<MailAddress> {
    Ok(ApiResponse::ok(app::mail_addresses::find_email(&cx, me.id).await?))
}

/// Change the caller's mail address, with the current password. A code is mailed to a new address; until it is entered,
/// the former one stays. A former address gets a notice.
#[utoipa::path(put, path = "/accounts/v1/me/email", tag = "accounts", operation_id = "accounts.email_put",
    request_body = MailAddressChange,
    responses((status = 200, body = Data<MailAddress>),
        (status = 403, description = "the current password is missing or wrong"),
        (status = 409, description = "this Hearth sends no mail"),
        (status = 429, description = "too many codes were requested, or too many wrong passwords")))]
pub async fn set_email(
    cx: AccountsContext,
    me: Authed<ManageSignIn>,
    Json(change): Json<MailAddressChange>,
) -> ApiResult<MailAddress> {
    let (actor, user) = (cx.build_actor(&me), (me.id, &me.identity.credential));
    Ok(ApiResponse::ok(app::mail_addresses::set_email(&cx, &actor, user, change).await?))
}

/// Confirm the caller's new mail address with the code that was mailed to it. The address was set with the password.
#[utoipa::path(post, path = "/accounts/v1/me/email/confirmation", tag = "accounts",
    operation_id = "accounts.email_confirm", request_body = MailAddressConfirmation,
    responses((status = 200, body = Data<MailAddress>), (status = 403, description = "the code is invalid"),
        (status = 429, description = "too many attempts")))]
pub async fn confirm_email(
    cx: AccountsContext,
    me: Authed<SelfService>,
    Json(confirmation): Json<MailAddressConfirmation>,
) -> ApiResult<MailAddress> {
    let actor = cx.build_actor(&me);
    Ok(ApiResponse::ok(app::mail_addresses::confirm_email(&cx, &actor, me.id, confirmation).await?))
}
