//! Limits.

use hearth_kit::{Answer, Authed, Reply};
use hearth_wire::{builds::BuildQuotaOne, reply::Named};

use crate::{app, cx::Cx, rights::BuildsRead};

/// How much the tool may build, and does.
#[utoipa::path(get, path = "/builds/v1/tool/{tool}/quotas", tag = "builds", operation_id = "builds.quota",
    params(("tool" = String, Path, description = "its name")),
    responses((status = 200, body = Named<BuildQuotaOne>)))]
pub async fn show(cx: Cx, tool: Authed<BuildsRead>) -> Reply<BuildQuotaOne> {
    Ok(Answer::named(BuildQuotaOne { quota: app::quota::quota(&cx, tool.id).await? }))
}
