//! Everybody here, for operators.

use hearth_base::UserName;
use hearth_kit::{Answer, Authed, Json, Param, Query, Reply};
use hearth_wire::{
    accounts::{User, UserPatch},
    reply::{Data, Listed, Paging},
};

use crate::{app, cx::Cx, rights::Operate};

/// Everybody here, by name.
#[utoipa::path(get, path = "/accounts/v1/users", tag = "accounts", operation_id = "accounts.user_list",
    params(Paging), responses((status = 200, body = Data<Listed<User>>)))]
pub async fn list(cx: Cx, _: Authed<Operate>, Query(paging): Query<Paging>) -> Reply<Listed<User>> {
    let page = cx.store.user_list(paging.limit, paging.cursor.as_ref()).await?;
    Ok(Answer::page(page.map(User::from)))
}

/// Disable or enable a user, make them an operator or no longer one.
#[utoipa::path(patch, path = "/accounts/v1/users/{user}", tag = "accounts", operation_id = "accounts.user_patch",
    params(("user" = String, Path, description = "their name")), request_body = UserPatch,
    responses((status = 200, body = Data<User>), (status = 404, description = "there is no such user"),
        (status = 409, description = "no operator would be left")))]
pub async fn patch(
    cx: Cx,
    operator: Authed<Operate>,
    Param(name): Param<UserName>,
    Json(patch): Json<UserPatch>,
) -> Reply<User> {
    let user = app::users::patch(&cx, &cx.by(&operator), &name, patch).await?;
    Ok(Answer::of(user.into()))
}
