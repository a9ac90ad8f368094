//! Endpoints for members of a tool.

use hearth_base::UserName;
use hearth_kit::{ApiResponse, ApiResult, Authed, Json, Param, Query};
use hearth_wire::{
    reply::{Data, Done, Listed, Paging},
    tools::{Member, MemberPut},
};

use crate::{
    app,
    context::AccountsContext,
    rights::{ToolOwn, ToolRead},
};

/// List the members of a tool by name.
#[utoipa::path(get, path = "/tools/v1/tool/{tool}/members", tag = "tools", operation_id = "tools.member_list",
    params(("tool" = String, Path, description = "name of the tool"), Paging),
    responses((status = 200, body = Data<Listed<Member>>)))]
pub async fn list(
    cx: AccountsContext,
    tool: Authed<ToolRead>,
    Query(paging): Query<Paging>,
) -> ApiResult<Listed<Member>> {
    let page = cx.store.list_members(tool.id, paging.limit, paging.cursor.as_ref()).await?;
    Ok(ApiResponse::from_page(page.map(Member::from)))
}

/// Change the role of a member, or offer a role to another user. The offer applies once the user accepts it.
#[utoipa::path(put, path = "/tools/v1/tool/{tool}/members/{user}", tag = "tools",
    operation_id = "tools.member_put",
    params(("tool" = String, Path, description = "name of the tool"), ("user" = String, Path, description = "name of the user")),
    request_body = MemberPut,
    responses((status = 200, body = Data<Member>), (status = 404, description = "the user does not exist"),
        (status = 409, description = "the tool would have no owner, or has too many offers")))]
pub async fn set_member(
    cx: AccountsContext,
    tool: Authed<ToolOwn>,
    Param(user): Param<UserName>,
    Json(put): Json<MemberPut>,
) -> ApiResult<Member> {
    let member =
        app::members::set_member(&cx, &cx.build_actor(&tool), (tool.id, &tool.name), &user, put.role).await?;
    Ok(ApiResponse::ok(member.into()))
}

/// List the roles that the tool offers to users who have not accepted yet, by name.
#[utoipa::path(get, path = "/tools/v1/tool/{tool}/member-offers", tag = "tools",
    operation_id = "tools.member_offer_list",
    params(("tool" = String, Path, description = "name of the tool"), Paging),
    responses((status = 200, body = Data<Listed<Member>>)))]
pub async fn list_offers(
    cx: AccountsContext,
    tool: Authed<ToolRead>,
    Query(paging): Query<Paging>,
) -> ApiResult<Listed<Member>> {
    let Paging { limit, cursor } = paging;
    let page = cx.store.list_tool_offers(tool.id, cx.now(), limit, cursor.as_ref()).await?;
    Ok(ApiResponse::from_page(page.map(Member::from)))
}

/// Remove a member, or withdraw an offer. The tool tokens that the member created are suspended.
#[utoipa::path(delete, path = "/tools/v1/tool/{tool}/members/{user}", tag = "tools",
    operation_id = "tools.member_remove",
    params(("tool" = String, Path, description = "name of the tool"), ("user" = String, Path, description = "name of the user")),
    responses((status = 200, body = Data<Done>), (status = 404, description = "the user is not a member"),
        (status = 409, description = "the tool would have no owner")))]
pub async fn remove_member(
    cx: AccountsContext,
    tool: Authed<ToolOwn>,
    Param(user): Param<UserName>,
) -> ApiResult<Done> {
    let tokens =
        app::members::remove_member(&cx, &cx.build_actor(&tool), (tool.id, &tool.name), &user).await?;
    Ok(describe_suspended_tokens(tokens))
}

/// Tells how many tokens of the tool were suspended with a member.
pub fn describe_suspended_tokens(tokens: u64) -> ApiResponse<Done> {
    match tokens {
        0 => ApiResponse::ok_done(),
        1 => ApiResponse::ok_done()
            .with_info("1 token of the tool is suspended until a maintainer takes it over"),
        many => ApiResponse::ok_done()
            .with_info(format!("{many} tokens of the tool are suspended until a maintainer takes them over")),
    }
}
