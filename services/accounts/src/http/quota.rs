//! Endpoints for quotas of tools.

use hearth_kit::{ApiResponse, ApiResult, Authed, Json};
use hearth_wire::{
    reply::Data,
    tools::{Quota, QuotaPatch},
};

use crate::{
    app,
    context::AccountsContext,
    rights::{ToolOperate, ToolRead},
};

/// Show the quota of a tool.
#[utoipa::path(get, path = "/tools/v1/tool/{tool}/quota", tag = "tools", operation_id = "tools.quota",
    params(("tool" = String, Path, description = "name of the tool")),
    responses((status = 200, body = Data<Quota>)))]
pub async fn show(cx: AccountsContext, tool: Authed<ToolRead>) -> ApiResult<Quota> {
    Ok(ApiResponse::ok(app::quota::find_quota(&cx, tool.id).await?))
}

/// Change the quota of a tool. Absent fields are unchanged; `null` restores the default.
#[utoipa::path(patch, path = "/tools/v1/tool/{tool}/quota", tag = "tools", operation_id = "tools.quota_patch",
    params(("tool" = String, Path, description = "name of the tool")), request_body = QuotaPatch,
    responses((status = 200, body = Data<Quota>)))]
pub async fn patch_quota(
    cx: AccountsContext,
    tool: Authed<ToolOperate>,
    Json(patch): Json<QuotaPatch>,
) -> ApiResult<Quota> {
    let changed = app::quota::patch_quota(&cx, &cx.build_actor(&tool), (tool.id, &tool.name), &patch).await?;
    Ok(ApiResponse::ok(changed))
}
