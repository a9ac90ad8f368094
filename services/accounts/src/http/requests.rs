//! Endpoints for requests of all tools, for operators.

use hearth_base::ToolRequestId;
use hearth_kit::{ApiResponse, ApiResult, Authed, Json, Param, Query};
use hearth_wire::{
    accounts::{RequestAcceptance, RequestRefusal, ToolRequest, ToolRequestQuery},
    reply::{Data, Listed},
};

use crate::{app, context::AccountsContext, rights::OperateHearth, store::RequestFilter};

/// List the requests of all tools, newest first.
#[utoipa::path(get, path = "/accounts/v1/requests", tag = "accounts", operation_id = "accounts.request_list",
    params(ToolRequestQuery), responses((status = 200, body = Data<Listed<ToolRequest>>)))]
pub async fn list(
    cx: AccountsContext,
    _: Authed<OperateHearth>,
    Query(query): Query<ToolRequestQuery>,
) -> ApiResult<Listed<ToolRequest>> {
    let ToolRequestQuery { state, kind, limit, cursor } = query;
    let filter = RequestFilter { state, kind, ..RequestFilter::default() };
    let page = cx.store.list_requests(filter, limit, cursor.as_ref()).await?;
    Ok(ApiResponse::from_page(page.map(|(request, tool)| request.render_request(tool))))
}

/// Show a request.
#[utoipa::path(get, path = "/accounts/v1/requests/{request}", tag = "accounts",
    operation_id = "accounts.request_show",
    params(("request" = String, Path, description = "id of the request")),
    responses((status = 200, body = Data<ToolRequest>), (status = 404, description = "the request does not exist")))]
pub async fn show(
    cx: AccountsContext,
    _: Authed<OperateHearth>,
    Param(id): Param<ToolRequestId>,
) -> ApiResult<ToolRequest> {
    let (request, tool) = app::requests::find_request(&cx, id).await?;
    Ok(ApiResponse::ok(request.render_request(tool)))
}

/// Accept an open request: the tool gets what it asked for.
#[utoipa::path(post, path = "/accounts/v1/requests/{request}/accept", tag = "accounts",
    operation_id = "accounts.request_accept", request_body = RequestAcceptance,
    params(("request" = String, Path, description = "id of the request")),
    responses((status = 200, body = Data<ToolRequest>), (status = 404, description = "the request does not exist"),
        (status = 409, description = "the request is not open, or the package source does not exist")))]
pub async fn accept_request(
    cx: AccountsContext,
    operator: Authed<OperateHearth>,
    Param(id): Param<ToolRequestId>,
    Json(acceptance): Json<RequestAcceptance>,
) -> ApiResult<ToolRequest> {
    let actor = cx.build_actor(&operator);
    let (request, tool) = app::requests::accept_request(&cx, &actor, id, acceptance).await?;
    Ok(ApiResponse::ok(request.render_request(tool)))
}

/// Refuse an open request.
#[utoipa::path(post, path = "/accounts/v1/requests/{request}/refuse", tag = "accounts",
    operation_id = "accounts.request_refuse", request_body = RequestRefusal,
    params(("request" = String, Path, description = "id of the request")),
    responses((status = 200, body = Data<ToolRequest>), (status = 404, description = "the request does not exist"),
        (status = 409, description = "the request is not open")))]
pub async fn refuse_request(
    cx: AccountsContext,
    operator: Authed<OperateHearth>,
    Param(id): Param<ToolRequestId>,
    Json(refusal): Json<RequestRefusal>,
) -> ApiResult<ToolRequest> {
    let (request, tool) = app::requests::refuse_request(&cx, &cx.build_actor(&operator), id, refusal).await?;
    Ok(ApiResponse::ok(request.render_request(tool)))
}
