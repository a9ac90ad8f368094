//! Endpoints of environments.

use hearth_base::EnvironmentName;
use hearth_kit::{ApiResponse, ApiResult, Authed, Param};
use hearth_wire::{
    components::{Environment, EnvironmentList},
    reply::Data,
};

use crate::{
    app,
    context::ComponentsContext,
    rights::{ToolRead, ToolWrite},
};

/// List the tool's environments that have jobs, and its previews, with the addresses of their pages.
#[utoipa::path(get, path = "/components/v1/tool/{tool}/environments", tag = "components",
    operation_id = "components.environment_list",
    params(("tool" = String, Path, description = "name of the tool")),
    responses((status = 200, body = Data<EnvironmentList>)))]
pub async fn list(cx: ComponentsContext, tool: Authed<ToolRead>) -> ApiResult<EnvironmentList> {
    let environments = app::environments::list_environments(&cx, &tool, &tool.identity_headers).await?;
    Ok(ApiResponse::ok(EnvironmentList { environments }))
}

/// Delete the jobs of an environment, and with them its page. Production, the configuration and the revisions stay. A
/// preview is made again by the next commit of its merge request.
#[utoipa::path(delete, path = "/components/v1/tool/{tool}/environments/{environment}", tag = "components",
    operation_id = "components.environment_delete",
    params(("tool" = String, Path, description = "name of the tool"),
        ("environment" = String, Path, description = "name of the environment")),
    responses((status = 200, body = Data<Environment>),
        (status = 404, description = "the environment has no jobs"),
        (status = 409, description = "a deployment is active")))]
pub async fn delete(
    cx: ComponentsContext,
    tool: Authed<ToolWrite>,
    Param(name): Param<EnvironmentName>,
) -> ApiResult<Environment> {
    let headers = &tool.identity_headers;
    let deleted = app::environments::delete_environment(&cx, &tool, headers, name.clone()).await?;
    Ok(ApiResponse::ok(deleted).with_info(format!("Environment {name} deleted successfully.")))
}
