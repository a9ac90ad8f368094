//! Endpoints for outside builders: of a tool, and of all tools.

use hearth_base::{Access, BuilderName};
use hearth_kit::{ApiResponse, ApiResult, Authed, Json, Param, audit::ChangeAuthor};
use hearth_wire::{
    builds::outside::{BuilderChoice, OutsideBuilderCreate, OutsideBuilderList, OutsideBuilderSecret},
    reply::{Done, Named},
};

use crate::{
    app::outside::registry,
    context::BuildsContext,
    rights::{BuildsRead, BuildsWrite, OperateBuilders},
};

/// List the outside builders that a tool may choose, and its choice.
#[utoipa::path(get, path = "/builds/v1/tool/{tool}/builders", tag = "builds", operation_id = "builds.tool_builders",
    params(("tool" = String, Path, description = "name of the tool")),
    responses((status = 200, body = Named<OutsideBuilderList>)))]
pub async fn list(cx: BuildsContext, tool: Authed<BuildsRead>) -> ApiResult<OutsideBuilderList> {
    let may_change = tool.access >= Access::Write;
    Ok(ApiResponse::ok_named(registry::list_tool_builders(&cx, tool.id, may_change).await?))
}

/// Register an outside builder of a tool. The secret that signs its announcements is shown only once.
#[utoipa::path(post, path = "/builds/v1/tool/{tool}/builders", tag = "builds",
    operation_id = "builds.tool_builder_add", request_body = OutsideBuilderCreate,
    params(("tool" = String, Path, description = "name of the tool")),
    responses((status = 201, body = Named<OutsideBuilderSecret>),
        (status = 400, description = "the name or the address is not allowed"),
        (status = 409, description = "the name is taken, or there are too many")))]
pub async fn create(
    cx: BuildsContext,
    tool: Authed<BuildsWrite>,
    Json(create): Json<OutsideBuilderCreate>,
) -> ApiResult<OutsideBuilderSecret> {
    let owner = tool.identity.find_trigger_owner();
    let (author, of_tool) = (ChangeAuthor::from_authed(&tool), Some((tool.id, &tool.name)));
    let (builder, secret) = registry::add_builder(&cx, &author, of_tool, owner, create).await?;
    let builder = registry::render_builder(builder, true);
    Ok(ApiResponse::ok_named(OutsideBuilderSecret { builder, secret }).with_status(http::StatusCode::CREATED))
}

/// Remove an outside builder of a tool. The builds that it has fail.
#[utoipa::path(delete, path = "/builds/v1/tool/{tool}/builders/{builder}", tag = "builds",
    operation_id = "builds.tool_builder_remove",
    params(("tool" = String, Path, description = "name of the tool"),
        ("builder" = String, Path, description = "name of the builder")),
    responses((status = 200, body = Named<Done>), (status = 404, description = "the builder does not exist")))]
pub async fn delete(
    cx: BuildsContext,
    tool: Authed<BuildsWrite>,
    Param(name): Param<BuilderName>,
) -> ApiResult<Done> {
    let author = ChangeAuthor::from_authed(&tool);
    registry::remove_builder(&cx, &author, Some((tool.id, &tool.name)), &name).await?;
    Ok(ApiResponse::ok_named(Done {}))
}

/// Choose the builder of a tool's builds.
#[utoipa::path(put, path = "/builds/v1/tool/{tool}/builder", tag = "builds", operation_id = "builds.tool_builder_choose",
    request_body = BuilderChoice, params(("tool" = String, Path, description = "name of the tool")),
    responses((status = 200, body = Named<Done>), (status = 400, description = "the builder does not exist")))]
pub async fn choose_builder(
    cx: BuildsContext,
    tool: Authed<BuildsWrite>,
    Json(choice): Json<BuilderChoice>,
) -> ApiResult<Done> {
    registry::choose_builder(&cx, tool.id, choice.builder).await?;
    Ok(ApiResponse::ok_named(Done {}))
}

/// List the outside builders of all tools.
#[utoipa::path(get, path = "/builds/v1/outside-builders", tag = "builds", operation_id = "builds.outside_builders",
    responses((status = 200, body = Named<OutsideBuilderList>)))]
pub async fn list_shared(cx: BuildsContext, _: Authed<OperateBuilders>) -> ApiResult<OutsideBuilderList> {
    Ok(ApiResponse::ok_named(registry::list_shared_builders(&cx).await?))
}

/// Register an outside builder of all tools. The secret that signs its announcements is shown only once.
#[utoipa::path(post, path = "/builds/v1/outside-builders", tag = "builds", operation_id = "builds.outside_builder_add",
    request_body = OutsideBuilderCreate,
    responses((status = 201, body = Named<OutsideBuilderSecret>),
        (status = 400, description = "the name or the address is not allowed"),
        (status = 409, description = "the name is taken, or there are too many")))]
pub async fn create_shared(
    cx: BuildsContext,
    operator: Authed<OperateBuilders>,
    Json(create): Json<OutsideBuilderCreate>,
) -> ApiResult<OutsideBuilderSecret> {
    let author = ChangeAuthor::from_authed(&operator);
    let (builder, secret) = registry::add_builder(&cx, &author, None, None, create).await?;
    tracing::warn!(builder = %builder.name, operator = %operator.name, "outside builder added by an operator");
    let builder = registry::render_builder(builder, true);
    Ok(ApiResponse::ok_named(OutsideBuilderSecret { builder, secret }).with_status(http::StatusCode::CREATED))
}

/// Remove an outside builder of all tools. The builds that it has fail.
#[utoipa::path(delete, path = "/builds/v1/outside-builders/{builder}", tag = "builds",
    operation_id = "builds.outside_builder_remove",
    params(("builder" = String, Path, description = "name of the builder")),
    responses((status = 200, body = Named<Done>), (status = 404, description = "the builder does not exist")))]
pub async fn delete_shared(
    cx: BuildsContext,
    operator: Authed<OperateBuilders>,
    Param(name): Param<BuilderName>,
) -> ApiResult<Done> {
    registry::remove_builder(&cx, &ChangeAuthor::from_authed(&operator), None, &name).await?;
    tracing::warn!(builder = %name, operator = %operator.name, "outside builder removed by an operator");
    Ok(ApiResponse::ok_named(Done {}))
}
