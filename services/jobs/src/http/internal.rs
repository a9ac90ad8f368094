//! Endpoints for other services only.

use hearth_base::ToolId;
use hearth_kit::{ApiResponse, ApiResult, Authed, Param, Query};
use hearth_wire::{
    events::{EventBatch, EventsQuery, Topic},
    jobs::{
        events::RunEvent,
        internal::{JobsWithEnvvars, RouteEvent, RoutePage, RoutesQuery, SealingKeyOne},
    },
    reply::{Data, Named},
};

use crate::{
    app,
    context::JobsContext,
    rights::{ReadForEnvvars, ReadRoutes, ReadRunEvents},
};

/// List the current routes of tools' pages, with the position from which to read further events.
#[utoipa::path(get, path = "/jobs/v1/internal/routes", tag = "internal", operation_id = "jobs.internal_routes",
    params(RoutesQuery), responses((status = 200, body = Named<RoutePage>)))]
pub async fn list_routes(
    cx: JobsContext,
    _: Authed<ReadRoutes>,
    Query(query): Query<RoutesQuery>,
) -> ApiResult<RoutePage> {
    // The position is read first: a change during the read of the page is in the events again.
    let position = cx.store.events.read_head_position().await?;
    let page = cx.store.list_routes(query.limit, query.cursor.as_ref()).await?;
    Ok(ApiResponse::ok_named(RoutePage { routes: page.items, next: page.next, position }))
}

/// Read events about routes of tools' pages, in order. Waits for the next event when `wait` is set.
#[utoipa::path(get, path = "/jobs/v1/internal/events/routes", tag = "internal",
    operation_id = "jobs.internal_events_routes", params(EventsQuery),
    responses((status = 200, body = Data<EventBatch>),
        (status = 409, description = "the cursor is older than the oldest event")))]
pub async fn route_events(
    cx: JobsContext,
    _: Authed<ReadRoutes>,
    Query(after): Query<EventsQuery>,
) -> ApiResult<EventBatch> {
    Ok(ApiResponse::ok(cx.store.events.read(RouteEvent::TOPIC_INFO, &after).await?))
}

/// Read events about runs and due times, in order. Waits for the next event when `wait` is set.
#[utoipa::path(get, path = "/jobs/v1/internal/events/runs", tag = "internal",
    operation_id = "jobs.internal_events_runs", params(EventsQuery),
    responses((status = 200, body = Data<EventBatch>),
        (status = 409, description = "the cursor is older than the oldest event")))]
pub async fn run_events(
    cx: JobsContext,
    _: Authed<ReadRunEvents>,
    Query(after): Query<EventsQuery>,
) -> ApiResult<EventBatch> {
    Ok(ApiResponse::ok(cx.store.events.read(RunEvent::TOPIC_INFO, &after).await?))
}

/// Show the public key that seals values for the runtime.
#[utoipa::path(get, path = "/jobs/v1/internal/sealing-key", tag = "internal",
    operation_id = "jobs.internal_sealing_key",
    responses((status = 200, body = Named<SealingKeyOne>),
        (status = 503, description = "the container runtime does not respond")))]
pub async fn show_sealing_key(cx: JobsContext, _: Authed<ReadForEnvvars>) -> ApiResult<SealingKeyOne> {
    Ok(ApiResponse::ok_named(SealingKeyOne { sealing_key: cx.runtime.sealing_key().await?.to_text() }))
}

/// List all jobs of a tool, and those that run with outdated variables.
#[utoipa::path(get, path = "/jobs/v1/internal/tools/{tool}/envvars", tag = "internal",
    operation_id = "jobs.internal_with_envvars", params(("tool" = String, Path, description = "id of the tool")),
    responses((status = 200, body = Named<JobsWithEnvvars>)))]
pub async fn list_outdated_jobs(
    cx: JobsContext,
    _: Authed<ReadForEnvvars>,
    Param(tool): Param<ToolId>,
) -> ApiResult<JobsWithEnvvars> {
    Ok(ApiResponse::ok_named(app::view::envvars::find_outdated_jobs(&cx, tool).await?))
}
