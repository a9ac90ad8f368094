//! Who belongs to a tool.

use hearth_base::UserName;
use hearth_kit::{Answer, Authed, Json, Param, Query, Reply};
use hearth_wire::{
    reply::{Data, Done, Listed, Paging},
    tools::{Member, MemberPut},
};

use crate::{
    app,
    cx::Cx,
    rights::{ToolOwn, ToolRead},
};

/// The tool's members by name.
#[utoipa::path(get, path = "/tools/v1/tool/{tool}/members", tag = "tools", operation_id = "tools.member_list",
    params(("tool" = String, Path, description = "its name"), Paging),
    responses((status = 200, body = Data<Listed<Member>>)))]
pub async fn list(cx: Cx, tool: Authed<ToolRead>, Query(paging): Query<Paging>) -> Reply<Listed<Member>> {
    let page = cx.store.member_list(tool.id, paging.limit, paging.cursor.as_ref()).await?;
    Ok(Answer::page(page.map(Member::from)))
}

/// Give somebody a role on the tool, or another one.
#[utoipa::path(put, path = "/tools/v1/tool/{tool}/members/{user}", tag = "tools",
    operation_id = "tools.member_put",
    params(("tool" = String, Path, description = "its name"), ("user" = String, Path, description = "who")),
    request_body = MemberPut,
    responses((status = 200, body = Data<Member>), (status = 404, description = "there is no such user"),
        (status = 409, description = "no owner would be left")))]
pub async fn put(
    cx: Cx,
    tool: Authed<ToolOwn>,
    Param(user): Param<UserName>,
    Json(put): Json<MemberPut>,
) -> Reply<Member> {
    let member = app::members::put(&cx, &cx.by(&tool), (tool.id, &tool.name), &user, put.role).await?;
    Ok(Answer::of(member.into()))
}

/// Take somebody's role away, and revoke the tool's tokens that they made.
#[utoipa::path(delete, path = "/tools/v1/tool/{tool}/members/{user}", tag = "tools",
    operation_id = "tools.member_remove",
    params(("tool" = String, Path, description = "its name"), ("user" = String, Path, description = "who")),
    responses((status = 200, body = Data<Done>), (status = 404, description = "not a member"),
        (status = 409, description = "no owner would be left")))]
pub async fn remove(cx: Cx, tool: Authed<ToolOwn>, Param(user): Param<UserName>) -> Reply<Done> {
    let tokens = app::members::remove(&cx, &cx.by(&tool), (tool.id, &tool.name), &user).await?;
    Ok(match tokens {
        0 => Answer::done(),
        1 => Answer::done().info(format!("the one token that {user} made for the tool was revoked")),
        many => Answer::done().info(format!("the {many} tokens that {user} made for the tool were revoked")),
    })
}
