//! What other services ask, and nobody else may.

use hearth_base::ToolId;
use hearth_kit::{Answer, Authed, Json, Param, Query, Reply};
use hearth_wire::{
    accounts::internal::{AccessEvent, Recipient, Resolve, Resolved, ToolEvent},
    events::{After, EventBatch, Topic},
    reply::{Data, Done, Listed, Paging},
};

use crate::{app, cx::Cx, rights};

/// Who shows this credential, and what they are to the tool in the path.
#[utoipa::path(post, path = "/accounts/v1/internal/resolve", tag = "internal",
    operation_id = "accounts.internal_resolve", request_body = Resolve,
    responses((status = 200, body = Data<Resolved>)))]
pub async fn resolve(cx: Cx, peer: Authed<rights::Resolve>, Json(resolve): Json<Resolve>) -> Reply<Resolved> {
    Ok(Answer::of(app::resolve::resolve(&cx, &cx.by(&peer), resolve).await?))
}

/// Changes of who may do what, in order; waits for the next when asked to.
#[utoipa::path(get, path = "/accounts/v1/internal/events/access", tag = "internal",
    operation_id = "accounts.internal_events_access", params(After),
    responses((status = 200, body = Data<EventBatch>), (status = 409, description = "no longer kept")))]
pub async fn access_events(
    cx: Cx,
    _: Authed<rights::ReadEvents>,
    Query(after): Query<After>,
) -> Reply<EventBatch> {
    Ok(Answer::of(cx.store.events.read(AccessEvent::TOPIC_INFO, &after).await?))
}

/// The life of tools, in order; waits for the next event when asked to.
#[utoipa::path(get, path = "/accounts/v1/internal/events/tools", tag = "internal",
    operation_id = "accounts.internal_events_tools", params(After),
    responses((status = 200, body = Data<EventBatch>), (status = 409, description = "no longer kept")))]
pub async fn tool_events(
    cx: Cx,
    _: Authed<rights::ReadEvents>,
    Query(after): Query<After>,
) -> Reply<EventBatch> {
    Ok(Answer::of(cx.store.events.read(ToolEvent::TOPIC_INFO, &after).await?))
}

/// The calling service has erased what this tool had.
#[utoipa::path(post, path = "/accounts/v1/internal/erased/{tool}", tag = "internal",
    operation_id = "accounts.internal_erased", params(("tool" = String, Path, description = "its id")),
    responses((status = 200, body = Data<Done>)))]
pub async fn erased(cx: Cx, peer: Authed<rights::Erase>, Param(tool): Param<ToolId>) -> Reply<Done> {
    app::tool_delete::acknowledge(&cx, &cx.by(&peer), tool, peer.role).await?;
    Ok(Answer::done())
}

/// The ended tools of which the calling service has yet to erase what it has.
#[utoipa::path(get, path = "/accounts/v1/internal/duties", tag = "internal",
    operation_id = "accounts.internal_duties", params(Paging),
    responses((status = 200, body = Data<Listed<String>>)))]
pub async fn duties(
    cx: Cx,
    peer: Authed<rights::Erase>,
    Query(paging): Query<Paging>,
) -> Reply<Listed<ToolId>> {
    Ok(Answer::page(cx.store.duties_of(peer.role, paging.limit, paging.cursor.as_ref()).await?))
}

/// The maintainers of a tool who have an address for mail, by name.
#[utoipa::path(get, path = "/accounts/v1/internal/tools/{tool}/recipients", tag = "internal",
    operation_id = "accounts.internal_recipients",
    params(("tool" = String, Path, description = "its id"), Paging),
    responses((status = 200, body = Data<Listed<Recipient>>)))]
pub async fn recipients(
    cx: Cx,
    _: Authed<rights::Addresses>,
    Param(tool): Param<ToolId>,
    Query(paging): Query<Paging>,
) -> Reply<Listed<Recipient>> {
    Ok(Answer::page(cx.store.recipients(tool, paging.limit, paging.cursor.as_ref()).await?))
}
