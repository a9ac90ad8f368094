//! Endpoints for the requests of a tool to the operators.

use hearth_base::ToolRequestId;
use hearth_kit::{ApiResponse, ApiResult, Authed, Json, Param, Query};
use hearth_wire::{
    accounts::{ToolRequest, ToolRequestCreate, ToolRequestQuery},
    reply::{Data, Listed},
};

use crate::{
    app,
    context::AccountsContext,
    rights::{ToolRead, ToolWrite},
    store::RequestFilter,
};

/// List the requests of a tool, newest first.
#[utoipa::path(get, path = "/tools/v1/tool/{tool}/requests", tag = "tools", operation_id = "tools.request_list",
    params(("tool" = String, Path, description = "name of the tool"), ToolRequestQuery),
    responses((status = 200, body = Data<Listed<ToolRequest>>)))]
pub async fn list(
    cx: AccountsContext,
    tool: Authed<ToolRead>,
    Query(query): Query<ToolRequestQuery>,
) -> ApiResult<Listed<ToolRequest>> {
    let ToolRequestQuery { state, kind, limit, cursor } = query;
    let filter = RequestFilter { tool: Some(tool.id), state, kind, ..RequestFilter::default() };
    let page = cx.store.list_requests(filter, limit, cursor.as_ref()).await?;
    Ok(ApiResponse::from_page(page.map(|(request, tool)| request.render_request(tool))))
}

/// Create a request to the operators.
#[utoipa::path(post, path = "/tools/v1/tool/{tool}/requests", tag = "tools",
    operation_id = "tools.request_create", request_body = ToolRequestCreate,
    params(("tool" = String, Path, description = "name of the tool")),
    responses((status = 201, body = Data<ToolRequest>),
        (status = 409, description = "an open request asks for the same")))]
pub async fn create(
    cx: AccountsContext,
    tool: Authed<ToolWrite>,
    Json(create): Json<ToolRequestCreate>,
) -> ApiResult<ToolRequest> {
    let actor = cx.build_actor(&tool);
    let request = app::requests::create_request(&cx, &actor, (tool.id, &tool.name), create).await?;
    Ok(ApiResponse::created(request.render_request(tool.name.clone())))
}

/// Show a request of a tool.
#[utoipa::path(get, path = "/tools/v1/tool/{tool}/requests/{request}", tag = "tools",
    operation_id = "tools.request_show",
    params(("tool" = String, Path, description = "name of the tool"), ("request" = String, Path, description = "id of the request")),
    responses((status = 200, body = Data<ToolRequest>), (status = 404, description = "the tool has no such request")))]
pub async fn show(
    cx: AccountsContext,
    tool: Authed<ToolRead>,
    Param(id): Param<ToolRequestId>,
) -> ApiResult<ToolRequest> {
    let (request, name) = app::requests::find_tool_request(&cx, tool.id, id).await?;
    Ok(ApiResponse::ok(request.render_request(name)))
}

/// Withdraw an open request of a tool.
#[utoipa::path(post, path = "/tools/v1/tool/{tool}/requests/{request}/withdraw", tag = "tools",
    operation_id = "tools.request_withdraw",
    params(("tool" = String, Path, description = "name of the tool"), ("request" = String, Path, description = "id of the request")),
    responses((status = 200, body = Data<ToolRequest>), (status = 404, description = "the tool has no such request"),
        (status = 409, description = "the request is not open")))]
pub async fn withdraw_request(
    cx: AccountsContext,
    tool: Authed<ToolWrite>,
    Param(id): Param<ToolRequestId>,
) -> ApiResult<ToolRequest> {
    let actor = cx.build_actor(&tool);
    let request = app::requests::withdraw_request(&cx, &actor, (tool.id, &tool.name), id).await?;
    Ok(ApiResponse::ok(request.render_request(tool.name.clone())))
}
