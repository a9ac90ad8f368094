//! Endpoint for the build quota.

use hearth_kit::{ApiResponse, ApiResult, Authed};
use hearth_wire::{builds::BuildQuotaOne, reply::Named};

use crate::{app, context::BuildsContext, rights::BuildsRead};

/// Show the build quota of a tool and its usage.
#[utoipa::path(get, path = "/builds/v1/tool/{tool}/quotas", tag = "builds", operation_id = "builds.quota",
    params(("tool" = String, Path, description = "name of the tool")),
    responses((status = 200, body = Named<BuildQuotaOne>)))]
pub async fn show(cx: BuildsContext, tool: Authed<BuildsRead>) -> ApiResult<BuildQuotaOne> {
    Ok(ApiResponse::ok_named(BuildQuotaOne { quota: app::quota::find_quota(&cx, tool.id).await? }))
}
