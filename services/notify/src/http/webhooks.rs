//! Endpoints of a tool's webhooks.

use hearth_base::{Access, Error, WebhookId};
use hearth_kit::{ApiResponse, ApiResult, Authed, Json, Param, Query};
use hearth_wire::{
    notify::{self, WebhookCreate, WebhookPatch, WebhookSecret},
    reply::{Data, Done, Listed, Paging},
};
use http::Uri;

use crate::{
    app::webhooks as app,
    context::NotifyContext,
    rights::{NotifyRead, NotifyWrite},
    store::{Delivery, Webhook},
};

/// List the tool's webhooks, oldest first. Callers without write access see only the host of an address.
#[utoipa::path(get, path = "/notify/v1/tool/{tool}/webhooks", tag = "notify",
    operation_id = "notify.webhook_list", params(("tool" = String, Path, description = "name of the tool"), Paging),
    responses((status = 200, body = Data<Listed<notify::Webhook>>)))]
pub async fn list(
    cx: NotifyContext,
    tool: Authed<NotifyRead>,
    Query(paging): Query<Paging>,
) -> ApiResult<Listed<notify::Webhook>> {
    let page = cx.store.list_webhooks(tool.id, paging.limit, paging.cursor.as_ref()).await?;
    Ok(ApiResponse::from_page(page.map(|webhook| to_wire_webhook(webhook, tool.access))))
}

/// Create a webhook. The secret that signs its payloads is shown only once.
#[utoipa::path(post, path = "/notify/v1/tool/{tool}/webhooks", tag = "notify",
    operation_id = "notify.webhook_create", params(("tool" = String, Path, description = "name of the tool")),
    request_body = WebhookCreate,
    responses((status = 201, body = Data<WebhookSecret>),
        (status = 400, description = "the address is not allowed"),
        (status = 409, description = "the tool has reached its quota of webhooks")))]
pub async fn create(
    cx: NotifyContext,
    tool: Authed<NotifyWrite>,
    Json(create): Json<WebhookCreate>,
) -> ApiResult<WebhookSecret> {
    let (webhook, secret) = app::create(&cx, tool.id, tool.identity.find_trigger_owner(), create).await?;
    Ok(ApiResponse::created(WebhookSecret { webhook: to_wire_webhook(webhook, tool.access), secret }))
}

/// Show a webhook.
#[utoipa::path(get, path = "/notify/v1/tool/{tool}/webhooks/{webhook}", tag = "notify",
    operation_id = "notify.webhook",
    params(("tool" = String, Path, description = "name of the tool"), ("webhook" = String, Path, description = "id of the webhook")),
    responses((status = 200, body = Data<notify::Webhook>), (status = 404, description = "the webhook does not exist")))]
pub async fn show(
    cx: NotifyContext,
    tool: Authed<NotifyRead>,
    Param(id): Param<WebhookId>,
) -> ApiResult<notify::Webhook> {
    Ok(ApiResponse::ok(to_wire_webhook(app::find_webhook(&cx, tool.id, id).await?, tool.access)))
}

/// Update a webhook.
#[utoipa::path(patch, path = "/notify/v1/tool/{tool}/webhooks/{webhook}", tag = "notify",
    operation_id = "notify.webhook_patch",
    params(("tool" = String, Path, description = "name of the tool"), ("webhook" = String, Path, description = "id of the webhook")),
    request_body = WebhookPatch,
    responses((status = 200, body = Data<notify::Webhook>),
        (status = 400, description = "the address is not allowed"),
        (status = 404, description = "the webhook does not exist")))]
pub async fn update(
    cx: NotifyContext,
    tool: Authed<NotifyWrite>,
    Param(id): Param<WebhookId>,
    Json(patch): Json<WebhookPatch>,
) -> ApiResult<notify::Webhook> {
    let owner = tool.identity.find_trigger_owner();
    Ok(ApiResponse::ok(to_wire_webhook(app::update(&cx, tool.id, owner, id, patch).await?, tool.access)))
}

/// Delete a webhook and its waiting deliveries.
#[utoipa::path(delete, path = "/notify/v1/tool/{tool}/webhooks/{webhook}", tag = "notify",
    operation_id = "notify.webhook_delete",
    params(("tool" = String, Path, description = "name of the tool"), ("webhook" = String, Path, description = "id of the webhook")),
    responses((status = 200, body = Data<Done>), (status = 404, description = "the webhook does not exist")))]
pub async fn delete(
    cx: NotifyContext,
    tool: Authed<NotifyWrite>,
    Param(id): Param<WebhookId>,
) -> ApiResult<Done> {
    app::delete(&cx, tool.id, id).await?;
    Ok(ApiResponse::ok_done())
}

/// Replace the secret of a webhook. All later payloads are signed with the new one.
#[utoipa::path(post, path = "/notify/v1/tool/{tool}/webhooks/{webhook}/secret", tag = "notify",
    operation_id = "notify.webhook_rotate",
    params(("tool" = String, Path, description = "name of the tool"), ("webhook" = String, Path, description = "id of the webhook")),
    responses((status = 200, body = Data<WebhookSecret>), (status = 404, description = "the webhook does not exist")))]
pub async fn rotate_secret(
    cx: NotifyContext,
    tool: Authed<NotifyWrite>,
    Param(id): Param<WebhookId>,
) -> ApiResult<WebhookSecret> {
    let (webhook, secret) = app::rotate_secret(&cx, tool.id, id).await?;
    Ok(ApiResponse::ok(WebhookSecret { webhook: to_wire_webhook(webhook, tool.access), secret }))
}

/// Send a test event to a webhook.
#[utoipa::path(post, path = "/notify/v1/tool/{tool}/webhooks/{webhook}/test", tag = "notify",
    operation_id = "notify.webhook_test",
    params(("tool" = String, Path, description = "name of the tool"), ("webhook" = String, Path, description = "id of the webhook")),
    responses((status = 202, body = Data<notify::Delivery>),
        (status = 404, description = "the webhook does not exist"),
        (status = 409, description = "the webhook is off")))]
pub async fn send_test(
    cx: NotifyContext,
    tool: Authed<NotifyWrite>,
    Param(id): Param<WebhookId>,
) -> ApiResult<notify::Delivery> {
    Ok(ApiResponse::accepted(to_wire_delivery(app::enqueue_test(&cx, tool.id, id).await?, tool.access)))
}

/// List the deliveries of a webhook, newest first.
#[utoipa::path(get, path = "/notify/v1/tool/{tool}/webhooks/{webhook}/deliveries", tag = "notify",
    operation_id = "notify.delivery_list",
    params(("tool" = String, Path, description = "name of the tool"), ("webhook" = String, Path, description = "id of the webhook"),
        Paging),
    responses((status = 200, body = Data<Listed<notify::Delivery>>),
        (status = 404, description = "the webhook does not exist")))]
pub async fn list_deliveries(
    cx: NotifyContext,
    tool: Authed<NotifyRead>,
    Param(id): Param<WebhookId>,
    Query(paging): Query<Paging>,
) -> ApiResult<Listed<notify::Delivery>> {
    app::find_webhook(&cx, tool.id, id).await?;
    let page = cx.store.list_deliveries(id, paging.limit, paging.cursor.as_ref()).await?;
    Ok(ApiResponse::from_page(page.map(|delivery| to_wire_delivery(delivery, tool.access))))
}

/// Converts a webhook to its API type. The path of an address may hold a credential: callers without write
/// access get only the host.
fn to_wire_webhook(webhook: Webhook, access: Access) -> notify::Webhook {
    let Webhook { id, tool: _, url, events, enabled, reason, secret: _, created, owner } = webhook;
    let url = if access >= Access::Write { url } else { hide_path(&url) };
    notify::Webhook { id, url, events, enabled, reason, created, owner }
}

fn hide_path(url: &str) -> String {
    let address = url.parse::<Uri>().map_err(Error::internal);
    let parts = address.ok().and_then(|uri| Some((uri.scheme_str()?.to_owned(), uri.host()?.to_owned())));
    parts.map_or_else(|| "…".to_owned(), |(scheme, host)| format!("{scheme}://{host}/…"))
}

/// Converts a delivery to its API type. Only owners of the tool see the content of an answer; everybody sees the reason
/// of a missing one, which Hearth wrote.
fn to_wire_delivery(delivery: Delivery, access: Access) -> notify::Delivery {
    let Delivery {
        id,
        tool: _,
        webhook: _,
        message,
        event,
        body: _,
        state,
        tries,
        created,
        next,
        status,
        reply,
        answered_at,
    } = delivery;
    let reply = reply.filter(|_| status.is_none() || access >= Access::Own);
    notify::Delivery { id, event, message, state, tries, created, next, status, answered: answered_at, reply }
}

#[cfg(test)]
mod tests {
    use hearth_base::{DeliveryId, Entropy, ToolId};
    use hearth_wire::notify::{DeliveryState, EventType};
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn content_of_an_answer_is_shown_to_owners_only() {
        let now = Timestamp::UNIX_EPOCH;
        let answered = Delivery {
            id: DeliveryId::new(now, &Entropy::System),
            tool: ToolId::new(now, &Entropy::System),
            webhook: WebhookId::new(now, &Entropy::System),
            message: "msg_1".to_owned(),
            event: EventType::webhook_test(),
            body: "{}".to_owned(),
            state: DeliveryState::Failed,
            tries: 1,
            created: now,
            next: None,
            status: Some(500),
            reply: Some("token=s3cret".to_owned()),
            answered_at: Some(now),
        };
        for (access, is_shown) in [(Access::Read, false), (Access::Write, false), (Access::Own, true)] {
            let shown = to_wire_delivery(answered.clone(), access);
            assert_eq!(shown.reply.is_some(), is_shown, "{access:?}");
            assert_eq!((shown.status, shown.answered), (Some(500), Some(now)));
            // Hearth wrote the reason of a missing answer.
            let missing = Delivery { status: None, ..answered.clone() };
            assert!(to_wire_delivery(missing, access).reply.is_some(), "{access:?}");
        }
    }
}
