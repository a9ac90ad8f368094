//! What other services ask, and nobody else may.

use std::time::Duration;

use hearth_base::ToolId;
use hearth_kit::{Answer, Authed, Param, Query, Reply};
use hearth_wire::{
    feed::{After, Events},
    jobs::internal::{JobsEvent, JobsWithEnvvars, Routes, RoutesQuery, SealingKeyOne},
    reply::Named,
};

use crate::{
    app,
    cx::Cx,
    rights::{Follow, FollowRuns, ForEnvvars},
};

/// Where tools' pages are answered now, and the feed's position to follow from.
#[utoipa::path(get, path = "/jobs/v1/internal/routes", tag = "internal", operation_id = "jobs.internal_routes",
    params(RoutesQuery), responses((status = 200, body = Named<Routes>)))]
pub async fn routes(cx: Cx, _: Authed<Follow>, Query(query): Query<RoutesQuery>) -> Reply<Routes> {
    // The position first: what changes while the page is read is told again.
    let position = cx.store.feed.after(Some(i64::MAX), Duration::ZERO).await?.head;
    let page = cx.store.routes(query.limit, query.cursor.as_ref()).await?;
    Ok(Answer::named(Routes { routes: page.items, next: page.next, position }))
}

/// What became of where tools' pages are answered, in order; waits for news when asked to.
#[utoipa::path(get, path = "/jobs/v1/internal/feed", tag = "internal", operation_id = "jobs.internal_feed",
    params(After),
    responses((status = 200, body = Named<Events>), (status = 409, description = "no longer kept")))]
pub async fn feed(cx: Cx, _: Authed<Follow>, Query(after): Query<After>) -> Reply<Events> {
    Ok(Answer::named(part(&cx, &after, JobsEvent::ROUTES).await?))
}

/// What became of runs and due times, in order; waits for news when asked to.
#[utoipa::path(get, path = "/jobs/v1/internal/runs-feed", tag = "internal",
    operation_id = "jobs.internal_runs_feed", params(After),
    responses((status = 200, body = Named<Events>), (status = 409, description = "no longer kept")))]
pub async fn runs_feed(cx: Cx, _: Authed<FollowRuns>, Query(after): Query<After>) -> Reply<Events> {
    Ok(Answer::named(part(&cx, &after, JobsEvent::RUNS).await?))
}

/// A part of the one feed. What is none of the reader's business comes without its content: positions are the same for
/// all.
async fn part(cx: &Cx, after: &After, kinds: &[&str]) -> hearth_base::Result<Events> {
    let mut events = cx.store.feed.after(after.after, after.patience()).await?;
    for event in events.events.iter_mut().filter(|event| !kinds.contains(&event.kind.as_str())) {
        event.data = serde_json::Value::Null;
    }
    Ok(events)
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
