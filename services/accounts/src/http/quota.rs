//! How much a tool may use.

use hearth_kit::{Answer, Authed, Json, Reply};
use hearth_wire::{
    reply::Data,
    tools::{Quota, QuotaPatch},
};

use crate::{
    app,
    cx::Cx,
    rights::{ToolOperate, ToolRead},
};

/// How much the tool may use.
#[utoipa::path(get, path = "/tools/v1/tool/{tool}/quota", tag = "tools", operation_id = "tools.quota",
    params(("tool" = String, Path, description = "its name")),
    responses((status = 200, body = Data<Quota>)))]
pub async fn show(cx: Cx, tool: Authed<ToolRead>) -> Reply<Quota> {
    Ok(Answer::of(app::quota::of(&cx, tool.id).await?))
}

/// Change how much the tool may use. What is absent stays, `null` goes back to the default.
#[utoipa::path(patch, path = "/tools/v1/tool/{tool}/quota", tag = "tools", operation_id = "tools.quota_patch",
    params(("tool" = String, Path, description = "its name")), request_body = QuotaPatch,
    responses((status = 200, body = Data<Quota>)))]
pub async fn patch(cx: Cx, tool: Authed<ToolOperate>, Json(patch): Json<QuotaPatch>) -> Reply<Quota> {
    let changed = app::quota::patch(&cx, &cx.by(&tool), (tool.id, &tool.name), &patch).await?;
    Ok(Answer::of(changed))
}
