//! Endpoints for other services.

use hearth_kit::{ApiResponse, ApiResult, Authed, Query};
use hearth_wire::{
    components::events::DeploymentEvent,
    events::{EventBatch, EventsQuery, Topic},
    reply::Data,
};

use crate::{context::ComponentsContext, rights::ReadDeploymentEvents};

/// Read events about ended deployments, in order. Waits for the next event when `wait` is set.
#[utoipa::path(get, path = "/components/v1/internal/events/deployments", tag = "internal",
    operation_id = "components.internal_events_deployments", params(EventsQuery),
    responses((status = 200, body = Data<EventBatch>),
        (status = 409, description = "the cursor is older than the oldest event")))]
pub async fn read_deployment_events(
    cx: ComponentsContext,
    _: Authed<ReadDeploymentEvents>,
    Query(after): Query<EventsQuery>,
) -> ApiResult<EventBatch> {
    Ok(ApiResponse::ok(cx.store.events.read(DeploymentEvent::TOPIC_INFO, &after).await?))
}
