//! Endpoints for other services only.

use hearth_base::{JobName, ToolId};
use hearth_kit::{ApiResponse, ApiResult, Authed, Json, Param, Query};
use hearth_wire::{
    events::{EventBatch, EventsQuery, Topic},
    jobs::{
        events::RunEvent,
        internal::{
            JobDefinitions, JobRestore, JobsWithEnvvars, RouteEvent, RoutePage, RoutesQuery, SealingKeyOne,
        },
    },
    reply::{Data, Done, Named},
};

use crate::{
    app::{self, definition::ToolScope},
    context::JobsContext,
    rights::{ReadDefinitions, ReadForEnvvars, ReadRoutes, ReadRunEvents, RestoreJobs},
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

/// List the current routes of environments' pages, with the position from which to read further events.
#[utoipa::path(get, path = "/jobs/v1/internal/environment-routes", tag = "internal",
    operation_id = "jobs.internal_environment_routes",
    params(RoutesQuery), responses((status = 200, body = Named<RoutePage>)))]
pub async fn list_environment_routes(
    cx: JobsContext,
    _: Authed<ReadRoutes>,
    Query(query): Query<RoutesQuery>,
) -> ApiResult<RoutePage> {
    let position = cx.store.events.read_head_position().await?;
    let page = cx.store.list_environment_routes(query.limit, query.cursor.as_ref()).await?;
    Ok(ApiResponse::ok_named(RoutePage { routes: page.items, next: page.next, position }))
}

/// Read events about routes of tools' and environments' pages, in order. Waits for the next event when `wait` is set.
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

/// Return a job to its state before a failed deployment. A repeated request changes nothing.
#[utoipa::path(post, path = "/jobs/v1/internal/tools/{tool}/jobs/{job}/restore", tag = "internal",
    operation_id = "jobs.internal_restore",
    params(("tool" = String, Path, description = "id of the tool"), ("job" = String, Path, description = "name of the job")),
    request_body = JobRestore,
    responses((status = 200, body = Named<Done>), (status = 404, description = "the image does not exist"),
        (status = 409, description = "the tool has another page"), (status = 429, description = "the quota is exceeded")))]
pub async fn restore_job(
    cx: JobsContext,
    _: Authed<RestoreJobs>,
    Param(tool): Param<ToolId>,
    Param(name): Param<JobName>,
    Json(restore): Json<JobRestore>,
) -> ApiResult<Done> {
    let scope = ToolScope { tool, name: &restore.tool };
    app::jobs::restore::restore_job(&cx, scope, &name, restore.state).await?;
    Ok(ApiResponse::ok_named(Done {}))
}

/// List the definitions of a tool's jobs, as their maintainers wrote them.
#[utoipa::path(get, path = "/jobs/v1/internal/tools/{tool}/definitions", tag = "internal",
    operation_id = "jobs.internal_definitions", params(("tool" = String, Path, description = "id of the tool")),
    responses((status = 200, body = Named<JobDefinitions>)))]
pub async fn list_definitions(
    cx: JobsContext,
    _: Authed<ReadDefinitions>,
    Param(tool): Param<ToolId>,
) -> ApiResult<JobDefinitions> {
    let jobs = cx.store.list_jobs(tool).await?;
    let definitions = jobs.into_iter().map(|job| job.spec.to_create()).collect();
    Ok(ApiResponse::ok_named(JobDefinitions { definitions }))
}
