//! Builds.

use std::time::Duration;

use hearth_base::{BuildId, Error, Limit};
use hearth_kit::{Answer, Authed, Json, Param, Query, Reply};
use hearth_wire::{
    builds::{
        BuildChanged, BuildCreate, BuildCreateQuery, BuildList, BuildNew, BuildOne, BuildQuery, BuildStarted,
    },
    reply::{Done, Named, Paging},
};

use super::views;
use crate::{
    app,
    cx::Cx,
    rights::{BuildsRead, BuildsWrite},
};

/// The longest wait for the end of a build.
pub const MAX_WAIT_SECONDS: u64 = 25;

/// Start a build. The ref is looked up before it is accepted.
#[utoipa::path(post, path = "/builds/v1/tool/{tool}/builds", tag = "builds", operation_id = "builds.start",
    params(("tool" = String, Path, description = "its name"), BuildCreateQuery), request_body = BuildCreate,
    responses((status = 200, body = Named<BuildStarted>),
        (status = 400, description = "the repository or the ref cannot be read"),
        (status = 409, description = "as many builds as may be wait or run")))]
pub async fn start(
    cx: Cx,
    tool: Authed<BuildsWrite>,
    Query(query): Query<BuildCreateQuery>,
    Json(create): Json<BuildCreate>,
) -> Reply<BuildStarted> {
    let build = app::start::start(&cx, tool.id, &tool.name, create, query.queue).await?;
    let new_build =
        BuildNew { name: build.id, resolved_ref: build.resolved_ref, parameters: build.parameters };
    Ok(Answer::named(BuildStarted { new_build }))
}

/// The tool's builds, the newest first.
#[utoipa::path(get, path = "/builds/v1/tool/{tool}/builds", tag = "builds", operation_id = "builds.list",
    params(("tool" = String, Path, description = "its name"), Paging),
    responses((status = 200, body = Named<BuildList>)))]
pub async fn list(cx: Cx, tool: Authed<BuildsRead>, Query(paging): Query<Paging>) -> Reply<BuildList> {
    let page = cx.store.build_list(tool.id, paging.limit, paging.cursor.as_ref()).await?.map(views::build);
    Ok(Answer::named(BuildList { builds: page.items, next: page.next }))
}

/// The newest build.
#[utoipa::path(get, path = "/builds/v1/tool/{tool}/builds/latest", tag = "builds", operation_id = "builds.latest",
    params(("tool" = String, Path, description = "its name")),
    responses((status = 200, body = Named<BuildOne>), (status = 404, description = "there is none")))]
pub async fn latest(cx: Cx, tool: Authed<BuildsRead>) -> Reply<BuildOne> {
    let newest = cx.store.build_list(tool.id, Limit::new(1)?, None).await?.items.pop();
    let newest = newest.ok_or_else(|| Error::not_found("build", "latest").help("hearth build start URL"))?;
    Ok(Answer::named(BuildOne { build: views::build(newest) }))
}

/// One build.
#[utoipa::path(get, path = "/builds/v1/tool/{tool}/builds/{build}", tag = "builds", operation_id = "builds.get",
    params(("tool" = String, Path, description = "its name"), ("build" = String, Path, description = "its id"),
        BuildQuery),
    responses((status = 200, body = Named<BuildOne>), (status = 404, description = "there is no such build")))]
pub async fn show(
    cx: Cx,
    tool: Authed<BuildsRead>,
    Param(build): Param<BuildId>,
    Query(query): Query<BuildQuery>,
) -> Reply<BuildOne> {
    let patience = Duration::from_secs(query.wait.unwrap_or(0).min(MAX_WAIT_SECONDS));
    let build = app::wait::over(&cx, tool.id, build, patience).await?;
    Ok(Answer::named(BuildOne { build: views::build(build) }))
}

/// Forget a build that is over; its image may go.
#[utoipa::path(delete, path = "/builds/v1/tool/{tool}/builds/{build}", tag = "builds",
    operation_id = "builds.delete",
    params(("tool" = String, Path, description = "its name"), ("build" = String, Path, description = "its id")),
    responses((status = 200, body = Named<BuildChanged>), (status = 404, description = "there is no such build"),
        (status = 409, description = "it is not over")))]
pub async fn delete(cx: Cx, tool: Authed<BuildsWrite>, Param(build): Param<BuildId>) -> Reply<BuildChanged> {
    app::clean::delete(&cx, tool.id, build).await?;
    Ok(Answer::named(BuildChanged { id: build }))
}

/// Cancel a build that runs or waits.
#[utoipa::path(put, path = "/builds/v1/tool/{tool}/builds/{build}/cancel", tag = "builds",
    operation_id = "builds.cancel",
    params(("tool" = String, Path, description = "its name"), ("build" = String, Path, description = "its id")),
    responses((status = 200, body = Named<BuildChanged>), (status = 404, description = "there is no such build"),
        (status = 409, description = "it is over")))]
pub async fn cancel(cx: Cx, tool: Authed<BuildsWrite>, Param(build): Param<BuildId>) -> Reply<BuildChanged> {
    app::cancel::cancel(&cx, tool.id, build).await?;
    Ok(Answer::named(BuildChanged { id: build }))
}

/// Forget all builds that are over.
#[utoipa::path(post, path = "/builds/v1/tool/{tool}/clean", tag = "builds", operation_id = "builds.clean",
    params(("tool" = String, Path, description = "its name")),
    responses((status = 200, body = Named<Done>)))]
pub async fn clean(cx: Cx, tool: Authed<BuildsWrite>) -> Reply<Done> {
    let count = app::clean::clean(&cx, tool.id, 0).await?;
    Ok(Answer::named(Done {})
        .info(format!("{count} builds were forgotten, with the images that only they kept.")))
}
