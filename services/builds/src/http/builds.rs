//! Endpoints for builds.

use std::time::Duration;

use hearth_base::{BuildId, Error, PageLimit};
use hearth_kit::{ApiResponse, ApiResult, Authed, Json, Param, Query};
use hearth_wire::{
    builds::{
        BuildChanged, BuildCreate, BuildCreateQuery, BuildList, BuildNew, BuildOne, BuildQuery, BuildStarted,
    },
    reply::{Done, Named, Paging},
};

use super::views;
use crate::{
    app,
    context::BuildsContext,
    rights::{BuildsRead, BuildsWrite},
};

/// Longest wait for the end of a build, in seconds.
pub const MAX_WAIT_SECONDS: u64 = 25;

/// Start a build. The ref is resolved before the build is accepted.
#[utoipa::path(post, path = "/builds/v1/tool/{tool}/builds", tag = "builds", operation_id = "builds.start",
    params(("tool" = String, Path, description = "name of the tool"), BuildCreateQuery), request_body = BuildCreate,
    responses((status = 200, body = Named<BuildStarted>),
        (status = 400, description = "the repository or the ref cannot be read"),
        (status = 409, description = "the tool has as many open builds as its quota allows")))]
pub async fn start(
    cx: BuildsContext,
    tool: Authed<BuildsWrite>,
    Query(query): Query<BuildCreateQuery>,
    Json(create): Json<BuildCreate>,
) -> ApiResult<BuildStarted> {
    // Only `components` acts with a mandate here, for a deployment.
    let of_deployment = tool.identity_headers.mandate.is_some();
    let build = app::start::start_build(&cx, tool.id, &tool.name, create, query, of_deployment).await?;
    let new_build =
        BuildNew { name: build.id, resolved_ref: build.resolved_ref, parameters: build.parameters };
    Ok(ApiResponse::ok_named(BuildStarted { new_build }))
}

/// List the builds of a tool, newest first.
#[utoipa::path(get, path = "/builds/v1/tool/{tool}/builds", tag = "builds", operation_id = "builds.list",
    params(("tool" = String, Path, description = "name of the tool"), Paging),
    responses((status = 200, body = Named<BuildList>)))]
pub async fn list(
    cx: BuildsContext,
    tool: Authed<BuildsRead>,
    Query(paging): Query<Paging>,
) -> ApiResult<BuildList> {
    let page = cx.store.list_builds(tool.id, paging.limit, paging.cursor.as_ref()).await?;
    let builds = views::render_builds(&cx, page.items).await?;
    Ok(ApiResponse::ok_named(BuildList { builds, next: page.next }))
}

/// Show the newest build.
#[utoipa::path(get, path = "/builds/v1/tool/{tool}/builds/latest", tag = "builds", operation_id = "builds.latest",
    params(("tool" = String, Path, description = "name of the tool")),
    responses((status = 200, body = Named<BuildOne>), (status = 404, description = "the tool has no build")))]
pub async fn show_latest(cx: BuildsContext, tool: Authed<BuildsRead>) -> ApiResult<BuildOne> {
    let newest = cx.store.list_builds(tool.id, PageLimit::new(1)?, None).await?.items.pop();
    let newest = newest.ok_or_else(|| Error::not_found("build", "latest").help("hearth build start URL"))?;
    Ok(ApiResponse::ok_named(views::render_one(&cx, newest).await?))
}

/// Show a build.
#[utoipa::path(get, path = "/builds/v1/tool/{tool}/builds/{build}", tag = "builds", operation_id = "builds.get",
    params(("tool" = String, Path, description = "name of the tool"), ("build" = String, Path, description = "id of the build"),
        BuildQuery),
    responses((status = 200, body = Named<BuildOne>), (status = 404, description = "the build does not exist")))]
pub async fn show(
    cx: BuildsContext,
    tool: Authed<BuildsRead>,
    Param(build): Param<BuildId>,
    Query(query): Query<BuildQuery>,
) -> ApiResult<BuildOne> {
    let timeout = Duration::from_secs(query.wait.unwrap_or(0).min(MAX_WAIT_SECONDS));
    let build = app::wait::wait_for_end(&cx, tool.id, build, timeout).await?;
    Ok(ApiResponse::ok_named(views::render_one(&cx, build).await?))
}

/// Repeat a build, to compare the images: from the same source, images and plan, without layers of earlier builds.
#[utoipa::path(post, path = "/builds/v1/tool/{tool}/builds/{build}/reproduce", tag = "builds",
    operation_id = "builds.reproduce",
    params(("tool" = String, Path, description = "name of the tool"), ("build" = String, Path, description = "id of the build")),
    responses((status = 200, body = Named<BuildStarted>),
        (status = 400, description = "the uploaded folder has expired"),
        (status = 404, description = "the build does not exist"),
        (status = 409, description = "the build cannot be repeated, or the tool has as many open builds as its quota allows")))]
pub async fn reproduce_build(
    cx: BuildsContext,
    tool: Authed<BuildsWrite>,
    Param(build): Param<BuildId>,
) -> ApiResult<BuildStarted> {
    let build = app::reproduce::reproduce_build(&cx, tool.id, &tool.name, build).await?;
    let new_build =
        BuildNew { name: build.id, resolved_ref: build.resolved_ref, parameters: build.parameters };
    Ok(ApiResponse::ok_named(BuildStarted { new_build }))
}

/// Delete an ended build and unpin its image.
#[utoipa::path(delete, path = "/builds/v1/tool/{tool}/builds/{build}", tag = "builds",
    operation_id = "builds.delete",
    params(("tool" = String, Path, description = "name of the tool"), ("build" = String, Path, description = "id of the build")),
    responses((status = 200, body = Named<BuildChanged>), (status = 404, description = "the build does not exist"),
        (status = 409, description = "the build has not ended")))]
pub async fn delete(
    cx: BuildsContext,
    tool: Authed<BuildsWrite>,
    Param(build): Param<BuildId>,
) -> ApiResult<BuildChanged> {
    app::cleanup::delete_build(&cx, tool.id, build).await?;
    Ok(ApiResponse::ok_named(BuildChanged { id: build }))
}

/// Cancel an open build.
#[utoipa::path(put, path = "/builds/v1/tool/{tool}/builds/{build}/cancel", tag = "builds",
    operation_id = "builds.cancel",
    params(("tool" = String, Path, description = "name of the tool"), ("build" = String, Path, description = "id of the build")),
    responses((status = 200, body = Named<BuildChanged>), (status = 404, description = "the build does not exist"),
        (status = 409, description = "the build has ended")))]
pub async fn cancel(
    cx: BuildsContext,
    tool: Authed<BuildsWrite>,
    Param(build): Param<BuildId>,
) -> ApiResult<BuildChanged> {
    app::cancel::cancel_build(&cx, tool.id, build).await?;
    Ok(ApiResponse::ok_named(BuildChanged { id: build }))
}

/// Delete all ended builds.
#[utoipa::path(post, path = "/builds/v1/tool/{tool}/clean", tag = "builds", operation_id = "builds.clean",
    params(("tool" = String, Path, description = "name of the tool")),
    responses((status = 200, body = Named<Done>)))]
pub async fn delete_ended_builds(cx: BuildsContext, tool: Authed<BuildsWrite>) -> ApiResult<Done> {
    let count = app::cleanup::delete_old_builds(&cx, tool.id, 0).await?;
    Ok(ApiResponse::ok_named(Done {}).with_info(format!("Deleted {count} builds and unpinned their images.")))
}
