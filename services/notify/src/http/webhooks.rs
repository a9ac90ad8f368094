//! Webhooks of a tool.

use hearth_base::{Access, Error, WebhookId};
use hearth_kit::{Answer, Authed, Json, Param, Query, Reply};
use hearth_wire::{
    notify::{self, WebhookCreate, WebhookPatch, WebhookSecret},
    reply::{Data, Done, Listed, Paging},
};
use http::Uri;

use crate::{
    app::webhooks as app,
    cx::Cx,
    rights::{NotifyRead, NotifyWrite},
    store::{Delivery, Webhook},
};

/// The tool's webhooks, the oldest first. Whoever may not change them sees no more of an address than its host.
#[utoipa::path(get, path = "/notify/v1/tool/{tool}/webhooks", tag = "notify",
    operation_id = "notify.webhook_list", params(("tool" = String, Path, description = "its name"), Paging),
    responses((status = 200, body = Data<Listed<notify::Webhook>>)))]
pub async fn list(
    cx: Cx,
    tool: Authed<NotifyRead>,
    Query(paging): Query<Paging>,
) -> Reply<Listed<notify::Webhook>> {
    let page = cx.store.webhooks(tool.id, paging.limit, paging.cursor.as_ref()).await?;
    Ok(Answer::page(page.map(|webhook| view(webhook, tool.access))))
}

/// Make a webhook. The secret that its payloads are signed with is shown this once.
#[utoipa::path(post, path = "/notify/v1/tool/{tool}/webhooks", tag = "notify",
    operation_id = "notify.webhook_create", params(("tool" = String, Path, description = "its name")),
    request_body = WebhookCreate,
    responses((status = 201, body = Data<WebhookSecret>),
        (status = 400, description = "nothing is sent to that address"),
        (status = 409, description = "the tool has as many as it may have")))]
pub async fn create(
    cx: Cx,
    tool: Authed<NotifyWrite>,
    Json(create): Json<WebhookCreate>,
) -> Reply<WebhookSecret> {
    let (webhook, secret) = app::create(&cx, tool.id, create).await?;
    Ok(Answer::created(WebhookSecret { webhook: view(webhook, tool.access), secret }))
}

/// One webhook.
#[utoipa::path(get, path = "/notify/v1/tool/{tool}/webhooks/{webhook}", tag = "notify",
    operation_id = "notify.webhook",
    params(("tool" = String, Path, description = "its name"), ("webhook" = String, Path, description = "its id")),
    responses((status = 200, body = Data<notify::Webhook>), (status = 404, description = "there is no such webhook")))]
pub async fn show(cx: Cx, tool: Authed<NotifyRead>, Param(id): Param<WebhookId>) -> Reply<notify::Webhook> {
    Ok(Answer::of(view(app::find(&cx, tool.id, id).await?, tool.access)))
}

/// Change a webhook.
#[utoipa::path(patch, path = "/notify/v1/tool/{tool}/webhooks/{webhook}", tag = "notify",
    operation_id = "notify.webhook_patch",
    params(("tool" = String, Path, description = "its name"), ("webhook" = String, Path, description = "its id")),
    request_body = WebhookPatch,
    responses((status = 200, body = Data<notify::Webhook>),
        (status = 400, description = "nothing is sent to that address"),
        (status = 404, description = "there is no such webhook")))]
pub async fn patch(
    cx: Cx,
    tool: Authed<NotifyWrite>,
    Param(id): Param<WebhookId>,
    Json(patch): Json<WebhookPatch>,
) -> Reply<notify::Webhook> {
    Ok(Answer::of(view(app::patch(&cx, tool.id, id, patch).await?, tool.access)))
}

/// Delete a webhook. What waits for it is not sent.
#[utoipa::path(delete, path = "/notify/v1/tool/{tool}/webhooks/{webhook}", tag = "notify",
    operation_id = "notify.webhook_delete",
    params(("tool" = String, Path, description = "its name"), ("webhook" = String, Path, description = "its id")),
    responses((status = 200, body = Data<Done>), (status = 404, description = "there is no such webhook")))]
pub async fn delete(cx: Cx, tool: Authed<NotifyWrite>, Param(id): Param<WebhookId>) -> Reply<Done> {
    app::delete(&cx, tool.id, id).await?;
    Ok(Answer::done())
}

/// Give a webhook another secret. Everything is signed with it from now on.
#[utoipa::path(post, path = "/notify/v1/tool/{tool}/webhooks/{webhook}/secret", tag = "notify",
    operation_id = "notify.webhook_rotate",
    params(("tool" = String, Path, description = "its name"), ("webhook" = String, Path, description = "its id")),
    responses((status = 200, body = Data<WebhookSecret>), (status = 404, description = "there is no such webhook")))]
pub async fn rotate(cx: Cx, tool: Authed<NotifyWrite>, Param(id): Param<WebhookId>) -> Reply<WebhookSecret> {
    let (webhook, secret) = app::rotate(&cx, tool.id, id).await?;
    Ok(Answer::of(WebhookSecret { webhook: view(webhook, tool.access), secret }))
}

/// Have a webhook told that this is a test.
#[utoipa::path(post, path = "/notify/v1/tool/{tool}/webhooks/{webhook}/test", tag = "notify",
    operation_id = "notify.webhook_test",
    params(("tool" = String, Path, description = "its name"), ("webhook" = String, Path, description = "its id")),
    responses((status = 202, body = Data<notify::Delivery>),
        (status = 404, description = "there is no such webhook"),
        (status = 409, description = "the webhook is switched off")))]
pub async fn test(cx: Cx, tool: Authed<NotifyWrite>, Param(id): Param<WebhookId>) -> Reply<notify::Delivery> {
    Ok(Answer::accepted(delivery(app::test(&cx, tool.id, id).await?)))
}

/// What a webhook was or is to be told, the newest first.
#[utoipa::path(get, path = "/notify/v1/tool/{tool}/webhooks/{webhook}/deliveries", tag = "notify",
    operation_id = "notify.delivery_list",
    params(("tool" = String, Path, description = "its name"), ("webhook" = String, Path, description = "its id"),
        Paging),
    responses((status = 200, body = Data<Listed<notify::Delivery>>),
        (status = 404, description = "there is no such webhook")))]
pub async fn deliveries(
    cx: Cx,
    tool: Authed<NotifyRead>,
    Param(id): Param<WebhookId>,
    Query(paging): Query<Paging>,
) -> Reply<Listed<notify::Delivery>> {
    app::find(&cx, tool.id, id).await?;
    let page = cx.store.deliveries(id, paging.limit, paging.cursor.as_ref()).await?;
    Ok(Answer::page(page.map(delivery)))
}

/// An address may hold what lets one in there: its path is for those who may change it.
fn view(webhook: Webhook, access: Access) -> notify::Webhook {
    let Webhook { id, tool: _, url, events, enabled, reason, secret: _, created } = webhook;
    let url = if access >= Access::Write { url } else { host(&url) };
    notify::Webhook { id, url, events, enabled, reason, created }
}

fn host(url: &str) -> String {
    let address = url.parse::<Uri>().map_err(Error::internal);
    let parts = address.ok().and_then(|uri| Some((uri.scheme_str()?.to_owned(), uri.host()?.to_owned())));
    parts.map_or_else(|| "…".to_owned(), |(scheme, host)| format!("{scheme}://{host}/…"))
}

fn delivery(delivery: Delivery) -> notify::Delivery {
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
        said,
    } = delivery;
    notify::Delivery { id, event, message, state, tries, created, next, status, said }
}
