//! What other services ask, and nobody else may.

use hearth_base::ToolId;
use hearth_kit::{Answer, Authed, Param, Query, Reply};
use hearth_wire::{
    events::{After, EventBatch, Topic},
    jobs::{
        events::RunEvent,
        internal::{JobsWithEnvvars, RouteEvent, Routes, RoutesQuery, SealingKeyOne},
    },
    reply::{Data, Named},
};

use crate::{
    app,
    cx::Cx,
    rights::{ForEnvvars, ReadRoutes, ReadRunEvents},
};

/// The routes of tools' pages now, and the stream's position to go on from.
#[utoipa::path(get, path = "/jobs/v1/internal/routes", tag = "internal", operation_id = "jobs.internal_routes",
    params(RoutesQuery), responses((status = 200, body = Named<Routes>)))]
pub async fn routes(cx: Cx, _: Authed<ReadRoutes>, Query(query): Query<RoutesQuery>) -> Reply<Routes> {
    // The position first: what changes while the page is read is told again.
    let position = cx.store.events.head().await?;
    let page = cx.store.routes(query.limit, query.cursor.as_ref()).await?;
    Ok(Answer::named(Routes { routes: page.items, next: page.next, position }))
}

/// Changes of where tools' pages are answered, in order; waits for the next when asked to.
#[utoipa::path(get, path = "/jobs/v1/internal/events/routes", tag = "internal",
    operation_id = "jobs.internal_events_routes", params(After),
    responses((status = 200, body = Data<EventBatch>), (status = 409, description = "no longer kept")))]
pub async fn route_events(cx: Cx, _: Authed<ReadRoutes>, Query(after): Query<After>) -> Reply<EventBatch> {
    Ok(Answer::of(cx.store.events.read(RouteEvent::TOPIC_INFO, &after).await?))
}

/// Events about runs and due times, in order; waits for the next when asked to.
#[utoipa::path(get, path = "/jobs/v1/internal/events/runs", tag = "internal",
    operation_id = "jobs.internal_events_runs", params(After),
    responses((status = 200, body = Data<EventBatch>), (status = 409, description = "no longer kept")))]
pub async fn run_events(cx: Cx, _: Authed<ReadRunEvents>, Query(after): Query<After>) -> Reply<EventBatch> {
    Ok(Answer::of(cx.store.events.read(RunEvent::TOPIC_INFO, &after).await?))
}

/// What seals values that only the runtime opens.
#[utoipa::path(get, path = "/jobs/v1/internal/sealing-key", tag = "internal",
    operation_id = "jobs.internal_sealing_key",
    responses((status = 200, body = Named<SealingKeyOne>),
        (status = 503, description = "the runtime does not answer")))]
pub async fn sealing_key(cx: Cx, _: Authed<ForEnvvars>) -> Reply<SealingKeyOne> {
    Ok(Answer::named(SealingKeyOne { sealing_key: cx.runtime.sealing_key().await?.to_text() }))
}

/// How a tool's jobs stand to its variables.
#[utoipa::path(get, path = "/jobs/v1/internal/tools/{tool}/envvars", tag = "internal",
    operation_id = "jobs.internal_with_envvars", params(("tool" = String, Path, description = "its id")),
    responses((status = 200, body = Named<JobsWithEnvvars>)))]
pub async fn with_envvars(
    cx: Cx,
    _: Authed<ForEnvvars>,
    Param(tool): Param<ToolId>,
) -> Reply<JobsWithEnvvars> {
    Ok(Answer::named(app::view::envvars::standing(&cx, tool).await?))
}
