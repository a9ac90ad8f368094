//! Endpoints for users, for operators.

use hearth_base::UserName;
use hearth_kit::{ApiResponse, ApiResult, Authed, Json, Param, Query};
use hearth_wire::{
    accounts::{User, UserPatch},
    reply::{Data, Listed, Paging},
};

use crate::{app, context::AccountsContext, rights::OperateHearth};

/// List all users by name.
#[utoipa::path(get, path = "/accounts/v1/users", tag = "accounts", operation_id = "accounts.user_list",
    params(Paging), responses((status = 200, body = Data<Listed<User>>)))]
pub async fn list(
    cx: AccountsContext,
    _: Authed<OperateHearth>,
    Query(paging): Query<Paging>,
) -> ApiResult<Listed<User>> {
    let page = cx.store.list_users(paging.limit, paging.cursor.as_ref()).await?;
    Ok(ApiResponse::from_page(page.map(User::from)))
}

/// Disable or enable a user, or change whether the user is an operator.
#[utoipa::path(patch, path = "/accounts/v1/users/{user}", tag = "accounts", operation_id = "accounts.user_patch",
    params(("user" = String, Path, description = "name of the user")), request_body = UserPatch,
    responses((status = 200, body = Data<User>), (status = 404, description = "the user does not exist"),
        (status = 409, description = "no enabled operator would remain")))]
pub async fn patch_user(
    cx: AccountsContext,
    operator: Authed<OperateHearth>,
    Param(name): Param<UserName>,
    Json(patch): Json<UserPatch>,
) -> ApiResult<User> {
    let user = app::users::patch_user(&cx, &cx.build_actor(&operator), &name, patch).await?;
    Ok(ApiResponse::ok(user.into()))
}
