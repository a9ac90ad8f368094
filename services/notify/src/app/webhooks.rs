//! Creation, update, secret rotation, test and deletion of webhooks.

use hearth_base::{Error, EventId, Result, Secret, ToolId, WebhookId};
use hearth_kit::{
    db::Tx,
    signed_webhooks::{check_webhook_url, generate_secret},
    tool_state::lock_existing_tool,
};
use hearth_wire::notify::{EventType, WebhookCreate, WebhookPatch};

use super::intake;
use crate::{
    context::NotifyContext,
    store::{Delivery, Webhook, format_secret_context},
};

/// Creates a webhook. Its secret is returned only here.
pub async fn create(
    cx: &NotifyContext,
    tool: ToolId,
    owner: Option<String>,
    create: WebhookCreate,
) -> Result<(Webhook, Secret)> {
    let WebhookCreate { url, events } = create;
    events.iter().try_for_each(EventType::check_event_type)?;
    check_webhook_url(&cx.outbound, &url).await?;
    let id: WebhookId = cx.generate_id();
    let secret = generate_secret(&cx.entropy);
    let sealed = cx.vault.encrypt_value(format_secret_context(tool, id), &secret)?;
    let (enabled, reason, created) = (true, None, cx.now());
    let events = sort_events(events);
    let webhook = Webhook { id, tool, url, events, enabled, reason, secret: sealed, created, owner };
    let tx = cx.store.begin().await?;
    lock_existing_tool(&tx, tool).await?;
    let quota = cx.settings.webhooks_per_tool;
    if cx.store.count_webhooks(&tx, tool).await? >= u64::from(quota) {
        let public = format!("the tool has {quota} webhooks; its quota is {quota}");
        return Err(Error::conflict("webhooks-quota", public).help(
            "delete one (hearth webhooks delete), or ask an operator of this Hearth for a higher quota",
        ));
    }
    cx.store.save_webhook(&tx, &webhook).await?;
    tx.commit().await?;
    Ok((webhook, secret))
}

/// Finds a webhook.
pub async fn find_webhook(cx: &NotifyContext, tool: ToolId, id: WebhookId) -> Result<Webhook> {
    cx.store.find_webhook(tool, id).await?.ok_or_else(|| build_not_found(id))
}

/// Updates a webhook. An update ends its back-off. Who switches it on or changes its address becomes its owner, because
/// the events leave on that person's authority.
pub async fn update(
    cx: &NotifyContext,
    tool: ToolId,
    owner: Option<String>,
    id: WebhookId,
    patch: WebhookPatch,
) -> Result<Webhook> {
    let WebhookPatch { url, events, enabled } = patch;
    events.iter().flatten().try_for_each(EventType::check_event_type)?;
    if let Some(url) = &url {
        check_webhook_url(&cx.outbound, url).await?;
    }
    let (tx, mut webhook) = lock_webhook(cx, tool, id).await?;
    if url.is_some() || enabled == Some(true) {
        webhook.owner = owner;
    }
    webhook.url = url.unwrap_or(webhook.url);
    webhook.events = events.map_or(webhook.events, sort_events);
    if let Some(enabled) = enabled {
        (webhook.enabled, webhook.reason) = (enabled, None);
    }
    cx.store.save_webhook(&tx, &webhook).await?;
    tx.commit().await?;
    cx.webhook_backoff.reset(id);
    Ok(webhook)
}

/// Replaces the secret of a webhook. All later requests are signed with the new one.
pub async fn rotate_secret(cx: &NotifyContext, tool: ToolId, id: WebhookId) -> Result<(Webhook, Secret)> {
    let secret = generate_secret(&cx.entropy);
    let sealed = cx.vault.encrypt_value(format_secret_context(tool, id), &secret)?;
    let (tx, mut webhook) = lock_webhook(cx, tool, id).await?;
    webhook.secret = sealed;
    cx.store.save_webhook(&tx, &webhook).await?;
    tx.commit().await?;
    Ok((webhook, secret))
}

/// Enqueues a test delivery to a webhook, independent of its event types.
pub async fn enqueue_test(cx: &NotifyContext, tool: ToolId, id: WebhookId) -> Result<Delivery> {
    let (tx, webhook) = lock_webhook(cx, tool, id).await?;
    if !webhook.enabled {
        return Err(Error::conflict("webhook-off", format!("the webhook {id} is off"))
            .help(format!("hearth webhooks change {id} --on")));
    }
    if cx.store.count_waiting_deliveries(&tx, id, Some(&EventType::webhook_test())).await? > 0 {
        let public = format!("a test of the webhook {id} is still waiting");
        return Err(Error::conflict("webhook-test", public).help(format!("hearth webhooks deliveries {id}")));
    }
    let now = cx.now();
    let message = EventId::new(now, &cx.entropy);
    let payload = intake::build_test_payload(tool, &webhook, now);
    let delivery = intake::enqueue_delivery(cx, &tx, &webhook, message, &payload, now).await?;
    tx.commit().await?;
    Ok(delivery)
}

/// Deletes a webhook and its waiting deliveries.
pub async fn delete(cx: &NotifyContext, tool: ToolId, id: WebhookId) -> Result<()> {
    let (tx, _) = lock_webhook(cx, tool, id).await?;
    cx.store.delete_deliveries(&tx, id).await?;
    cx.store.delete_webhook(&tx, id).await?;
    tx.commit().await?;
    cx.webhook_backoff.reset(id);
    Ok(())
}

async fn lock_webhook(cx: &NotifyContext, tool: ToolId, id: WebhookId) -> Result<(Tx, Webhook)> {
    let tx = cx.store.begin().await?;
    lock_existing_tool(&tx, tool).await?;
    let webhook = cx.store.lock_webhook(&tx, tool, id).await?;
    webhook.map(|webhook| (tx, webhook)).ok_or_else(|| build_not_found(id))
}

fn sort_events(mut events: Vec<EventType>) -> Vec<EventType> {
    events.sort_unstable();
    events.dedup();
    events
}

fn build_not_found(id: WebhookId) -> Error {
    Error::not_found("webhook", id).help("hearth webhooks list")
}
