//! Endpoints for other services only.

use hearth_base::ToolId;
use hearth_kit::{ApiResponse, ApiResult, Authed, Json, Param, Query};
use hearth_wire::{
    accounts::{
        RequestEvent, RequestEventData, ToolRequestQuery,
        internal::{
            AccessEvent, AuditedChange, OperatorNotice, Recipient, RefusedChange, ResolveCaller,
            ResolvedCaller, ToolEvent, TriggerOwner, TriggerOwnerCheck,
        },
    },
    events::{EventBatch, EventsQuery, Topic},
    reply::{Data, Done, Listed, Paging},
};

use crate::{app, context::AccountsContext, rights};

/// Resolve a credential to its caller, and the caller's role on the tool of the path.
#[utoipa::path(post, path = "/accounts/v1/internal/resolve", tag = "internal",
    operation_id = "accounts.internal_resolve", request_body = ResolveCaller,
    responses((status = 200, body = Data<ResolvedCaller>)))]
pub async fn resolve_credential(
    cx: AccountsContext,
    peer: Authed<rights::ResolveCredentials>,
    Json(resolve): Json<ResolveCaller>,
) -> ApiResult<ResolvedCaller> {
    Ok(ApiResponse::ok(app::resolution::resolve_credential(&cx, &cx.build_actor(&peer), resolve).await?))
}

/// Read events about changed access, in order. Waits for the next event when `wait` is set.
#[utoipa::path(get, path = "/accounts/v1/internal/events/access", tag = "internal",
    operation_id = "accounts.internal_events_access", params(EventsQuery),
    responses((status = 200, body = Data<EventBatch>), (status = 409, description = "the cursor is older than the oldest event")))]
pub async fn read_access_events(
    cx: AccountsContext,
    _: Authed<rights::ReadToolEvents>,
    Query(after): Query<EventsQuery>,
) -> ApiResult<EventBatch> {
    Ok(ApiResponse::ok(cx.store.events.read(AccessEvent::TOPIC_INFO, &after).await?))
}

/// Read events about created and deleted tools, in order. Waits for the next event when `wait` is set.
#[utoipa::path(get, path = "/accounts/v1/internal/events/tools", tag = "internal",
    operation_id = "accounts.internal_events_tools", params(EventsQuery),
    responses((status = 200, body = Data<EventBatch>), (status = 409, description = "the cursor is older than the oldest event")))]
pub async fn read_tool_events(
    cx: AccountsContext,
    _: Authed<rights::ReadToolEvents>,
    Query(after): Query<EventsQuery>,
) -> ApiResult<EventBatch> {
    Ok(ApiResponse::ok(cx.store.events.read(ToolEvent::TOPIC_INFO, &after).await?))
}

/// Read events about requests of tools, in order. Waits for the next event when `wait` is set.
#[utoipa::path(get, path = "/accounts/v1/internal/events/requests", tag = "internal",
    operation_id = "accounts.internal_events_requests", params(EventsQuery),
    responses((status = 200, body = Data<EventBatch>), (status = 409, description = "the cursor is older than the oldest event")))]
pub async fn read_request_events(
    cx: AccountsContext,
    _: Authed<rights::ReadToolEvents>,
    Query(after): Query<EventsQuery>,
) -> ApiResult<EventBatch> {
    Ok(ApiResponse::ok(cx.store.events.read(RequestEvent::TOPIC_INFO, &after).await?))
}

/// List the accepted requests, oldest first; with `kind` those of one kind.
#[utoipa::path(get, path = "/accounts/v1/internal/accepted-requests", tag = "internal",
    operation_id = "accounts.internal_accepted_requests", params(ToolRequestQuery),
    responses((status = 200, body = Data<Listed<RequestEventData>>)))]
pub async fn list_accepted_requests(
    cx: AccountsContext,
    _: Authed<rights::ReadAcceptedRequests>,
    Query(query): Query<ToolRequestQuery>,
) -> ApiResult<Listed<RequestEventData>> {
    let ToolRequestQuery { state: _, kind, limit, cursor } = query;
    let page = cx.store.list_accepted_requests(kind, limit, cursor.as_ref()).await?;
    Ok(ApiResponse::from_page(
        page.map(|(request, tool)| app::request_notices::build_event_data(&tool, &request)),
    ))
}

/// Acknowledge that the calling service has erased the data of a tool.
#[utoipa::path(post, path = "/accounts/v1/internal/erased/{tool}", tag = "internal",
    operation_id = "accounts.internal_erased", params(("tool" = String, Path, description = "id of the tool")),
    responses((status = 200, body = Data<Done>)))]
pub async fn acknowledge_erasure(
    cx: AccountsContext,
    peer: Authed<rights::AcknowledgeErasures>,
    Param(tool): Param<ToolId>,
) -> ApiResult<Done> {
    app::tool_deletion::acknowledge_erasure(&cx, &cx.build_actor(&peer), tool, peer.role).await?;
    Ok(ApiResponse::ok_done())
}

/// List the deleted tools whose data the calling service has not erased yet.
#[utoipa::path(get, path = "/accounts/v1/internal/duties", tag = "internal",
    operation_id = "accounts.internal_duties", params(Paging),
    responses((status = 200, body = Data<Listed<String>>)))]
pub async fn list_pending_erasures(
    cx: AccountsContext,
    peer: Authed<rights::AcknowledgeErasures>,
    Query(paging): Query<Paging>,
) -> ApiResult<Listed<ToolId>> {
    Ok(ApiResponse::from_page(
        cx.store.list_tools_to_erase(peer.role, paging.limit, paging.cursor.as_ref()).await?,
    ))
}

/// List the maintainers of a tool who have a confirmed mail address, by name.
#[utoipa::path(get, path = "/accounts/v1/internal/tools/{tool}/recipients", tag = "internal",
    operation_id = "accounts.internal_recipients",
    params(("tool" = String, Path, description = "id of the tool"), Paging),
    responses((status = 200, body = Data<Listed<Recipient>>)))]
pub async fn list_recipients(
    cx: AccountsContext,
    _: Authed<rights::ReadMailAddresses>,
    Param(tool): Param<ToolId>,
    Query(paging): Query<Paging>,
) -> ApiResult<Listed<Recipient>> {
    Ok(ApiResponse::from_page(cx.store.list_recipients(tool, paging.limit, paging.cursor.as_ref()).await?))
}

/// Record a change that a service refused for lack of a right.
#[utoipa::path(post, path = "/accounts/v1/internal/refusals", tag = "internal",
    operation_id = "accounts.internal_refusals", request_body = RefusedChange,
    responses((status = 200, body = Data<Done>)))]
pub async fn record_refused_change(
    cx: AccountsContext,
    peer: Authed<rights::ResolveCredentials>,
    Json(refused): Json<RefusedChange>,
) -> ApiResult<Done> {
    app::refusals::record_refused_change(&cx, &cx.build_actor(&peer), refused).await?;
    Ok(ApiResponse::ok_done())
}

/// Record a change of a service in the audit log. A repeated report is stored once.
#[utoipa::path(post, path = "/accounts/v1/internal/audit", tag = "internal",
    operation_id = "accounts.internal_audit", request_body = AuditedChange,
    responses((status = 200, body = Data<Done>),
        (status = 400, description = "the service does not own the object of the action")))]
pub async fn record_audited_change(
    cx: AccountsContext,
    peer: Authed<rights::RecordChanges>,
    Json(change): Json<AuditedChange>,
) -> ApiResult<Done> {
    app::audited_changes::record_audited_change(&cx, peer.role, change).await?;
    Ok(ApiResponse::ok_done())
}

/// Send a notice to the operators.
#[utoipa::path(post, path = "/accounts/v1/internal/operator-notices", tag = "internal",
    operation_id = "accounts.internal_operator_notices", request_body = OperatorNotice,
    responses((status = 200, body = Data<Done>)))]
pub async fn send_operator_notice(
    cx: AccountsContext,
    _: Authed<rights::NotifyOperators>,
    Json(notice): Json<OperatorNotice>,
) -> ApiResult<Done> {
    app::operator_notices::enqueue_notice(&cx, notice).await?;
    Ok(ApiResponse::ok_done())
}

/// Check that the owner of something that acts without a request may still change the tool.
#[utoipa::path(post, path = "/accounts/v1/internal/owners", tag = "internal",
    operation_id = "accounts.internal_owners", request_body = TriggerOwnerCheck,
    responses((status = 200, body = Data<TriggerOwner>)))]
pub async fn check_trigger_owner(
    cx: AccountsContext,
    _: Authed<rights::ReadToolFacts>,
    Json(check): Json<TriggerOwnerCheck>,
) -> ApiResult<TriggerOwner> {
    Ok(ApiResponse::ok(app::trigger_owners::check_owner(&cx, check).await?))
}
