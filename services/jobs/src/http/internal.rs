//! What other services ask, and nobody else may.

use std::time::Duration;

use hearth_kit::{Answer, Authed, Query, Reply};
use hearth_wire::{
    feed::{After, Events},
    jobs::internal::{Routes, RoutesQuery},
    reply::Named,
};

use crate::{cx::Cx, rights::Follow};

/// Where tools' pages are answered now, and the feed's position to follow from.
#[utoipa::path(get, path = "/jobs/v1/internal/routes", tag = "internal", operation_id = "jobs.internal_routes",
    params(RoutesQuery), responses((status = 200, body = Named<Routes>)))]
pub async fn routes(cx: Cx, _: Authed<Follow>, Query(query): Query<RoutesQuery>) -> Reply<Routes> {
    // The position first: what changes while the page is read is told again.
    let position = cx.store.feed.after(Some(i64::MAX), Duration::ZERO).await?.head;
    let page = cx.store.routes(query.limit, query.cursor.as_ref()).await?;
    Ok(Answer::named(Routes { routes: page.items, next: page.next, position }))
}

/// What happened here, in order; waits for news when asked to.
#[utoipa::path(get, path = "/jobs/v1/internal/feed", tag = "internal", operation_id = "jobs.internal_feed",
    params(After),
    responses((status = 200, body = Named<Events>), (status = 409, description = "no longer kept")))]
pub async fn feed(cx: Cx, _: Authed<Follow>, Query(after): Query<After>) -> Reply<Events> {
    let patience = Duration::from_secs(after.wait.unwrap_or(0).min(25));
    Ok(Answer::named(cx.store.feed.after(after.after, patience).await?))
}
