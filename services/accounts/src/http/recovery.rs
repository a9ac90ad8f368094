//! Endpoints for a lost password.

use hearth_base::UserName;
use hearth_kit::{ApiResponse, ApiResult, Authed, Json, Param};
use hearth_wire::{
    accounts::{PasswordReset, RecoveryCode, RecoveryMailRequest, User},
    reply::{Data, Done},
};

use crate::{
    app,
    context::AccountsContext,
    rights::{NoSignIn, OperateHearth},
};

/// Set a new password with a recovery code. All sessions and personal tokens of the user end; tokens of tools stay valid.
#[utoipa::path(post, path = "/accounts/v1/password-reset", tag = "accounts",
    operation_id = "accounts.password_reset", request_body = PasswordReset,
    responses((status = 200, body = Data<User>), (status = 400, description = "the new password is too short"),
        (status = 403, description = "the code is invalid"), (status = 429, description = "too many attempts")))]
pub async fn reset_password(
    cx: AccountsContext,
    anyone: Authed<NoSignIn>,
    Json(reset): Json<PasswordReset>,
) -> ApiResult<User> {
    let (user, tokens) = app::recovery::reset_password(&cx, &cx.build_actor(&anyone), reset).await?;
    let sentence = format!(
        "all sessions and {tokens} personal tokens have ended; tokens of tools stay valid: hearth token list"
    );
    Ok(ApiResponse::ok(user.into()).with_info(sentence))
}

/// Request a mail with a recovery code. The answer is the same for a user who does not exist or has no address.
#[utoipa::path(post, path = "/accounts/v1/recovery-mails", tag = "accounts",
    operation_id = "accounts.recovery_mail", request_body = RecoveryMailRequest,
    responses((status = 200, body = Data<Done>), (status = 429, description = "too many mails were requested")))]
pub async fn request_recovery_mail(
    cx: AccountsContext,
    anyone: Authed<NoSignIn>,
    Json(request): Json<RecoveryMailRequest>,
) -> ApiResult<Done> {
    app::recovery::request_recovery_mail(&cx, &cx.build_actor(&anyone), &request.name).await?;
    Ok(ApiResponse::ok_done())
}

/// Create a recovery code for a user. Only this response contains it. It replaces earlier codes of operators for
/// the user; a mail with another code does not replace it.
#[utoipa::path(post, path = "/accounts/v1/users/{user}/recovery-codes", tag = "accounts",
    operation_id = "accounts.recovery_code_create",
    params(("user" = String, Path, description = "name of the user")),
    responses((status = 201, body = Data<RecoveryCode>), (status = 404, description = "the user does not exist")))]
pub async fn create_recovery_code(
    cx: AccountsContext,
    operator: Authed<OperateHearth>,
    Param(name): Param<UserName>,
) -> ApiResult<RecoveryCode> {
    let code = app::recovery::create_recovery_code(&cx, &cx.build_actor(&operator), &name).await?;
    Ok(ApiResponse::created(code))
}
