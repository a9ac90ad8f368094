//! Webhooks: made, changed, given another secret, tested, deleted.

use hearth_base::{Error, EventId, Result, Secret, ToolId, WebhookId, one_line};
use hearth_kit::{db::Tx, tool_state::lock_existing_tool};
use hearth_wire::notify::{EventType, WebhookCreate, WebhookPatch};

use super::{sign, take};
use crate::{
    cx::Cx,
    store::{Delivery, Webhook, webhook_place as place},
};

/// The longest address.
const LONGEST: usize = 2048;

/// Makes a webhook. Its secret is given this once.
pub async fn create(cx: &Cx, tool: ToolId, create: WebhookCreate) -> Result<(Webhook, Secret)> {
    let WebhookCreate { url, events } = create;
    events.iter().try_for_each(EventType::check)?;
    check(cx, &url).await?;
    let id: WebhookId = cx.id();
    let secret = sign::secret(&cx.entropy);
    let closed = cx.vault.close(place(tool, id), &secret)?;
    let (enabled, reason, created) = (true, None, cx.now());
    let webhook =
        Webhook { id, tool, url, events: sort_events(events), enabled, reason, secret: closed, created };
    let tx = cx.store.begin().await?;
    lock_existing_tool(&tx, tool).await?;
    let most = cx.settings.webhooks_per_tool;
    if cx.store.webhook_count(&tx, tool).await? >= u64::from(most) {
        let public = format!("the tool has {most} webhooks, and that is its quota");
        return Err(Error::conflict("webhooks-quota", public).help(
            "delete one that is not needed (hearth webhooks delete), or ask whoever runs this Hearth",
        ));
    }
    cx.store.webhook_put(&tx, &webhook).await?;
    tx.commit().await?;
    Ok((webhook, secret))
}

/// A webhook.
pub async fn find(cx: &Cx, tool: ToolId, id: WebhookId) -> Result<Webhook> {
    cx.store.webhook(tool, id).await?.ok_or_else(|| missing(id))
}

/// Changes a webhook. One that Hearth switched off is told again once it is enabled.
pub async fn patch(cx: &Cx, tool: ToolId, id: WebhookId, patch: WebhookPatch) -> Result<Webhook> {
    let WebhookPatch { url, events, enabled } = patch;
    events.iter().flatten().try_for_each(EventType::check)?;
    if let Some(url) = &url {
        check(cx, url).await?;
    }
    let (tx, mut webhook) = locked(cx, tool, id).await?;
    webhook.url = url.unwrap_or(webhook.url);
    webhook.events = events.map_or(webhook.events, sort_events);
    if let Some(enabled) = enabled {
        (webhook.enabled, webhook.reason) = (enabled, None);
    }
    cx.store.webhook_put(&tx, &webhook).await?;
    tx.commit().await?;
    cx.webhook_backoff.reset(id);
    Ok(webhook)
}

/// Gives a webhook another secret, with which everything is signed from now on.
pub async fn rotate(cx: &Cx, tool: ToolId, id: WebhookId) -> Result<(Webhook, Secret)> {
    let secret = sign::secret(&cx.entropy);
    let closed = cx.vault.close(place(tool, id), &secret)?;
    let (tx, mut webhook) = locked(cx, tool, id).await?;
    webhook.secret = closed;
    cx.store.webhook_put(&tx, &webhook).await?;
    tx.commit().await?;
    Ok((webhook, secret))
}

/// Has a webhook told that this is a test, whatever else it is told of.
pub async fn test(cx: &Cx, tool: ToolId, id: WebhookId) -> Result<Delivery> {
    let (tx, webhook) = locked(cx, tool, id).await?;
    if !webhook.enabled {
        return Err(Error::conflict("webhook-off", format!("the webhook {id} is switched off"))
            .help(format!("hearth webhooks change {id} --on")));
    }
    if cx.store.deliveries_waiting(&tx, id, Some(&EventType::test())).await? > 0 {
        let public = format!("a test of the webhook {id} still waits for its answer");
        return Err(Error::conflict("webhook-test", public).help(format!("hearth webhooks deliveries {id}")));
    }
    let now = cx.now();
    let message = EventId::new(now, &cx.entropy);
    let payload = take::test(tool, &webhook, now);
    let delivery = take::deliver(cx, &tx, &webhook, message, &payload, now).await?;
    tx.commit().await?;
    Ok(delivery)
}

/// Deletes a webhook; what waits for it is not sent.
pub async fn delete(cx: &Cx, tool: ToolId, id: WebhookId) -> Result<()> {
    let (tx, _) = locked(cx, tool, id).await?;
    cx.store.deliveries_remove(&tx, id).await?;
    cx.store.webhook_delete(&tx, id).await?;
    tx.commit().await?;
    cx.webhook_backoff.reset(id);
    Ok(())
}

async fn locked(cx: &Cx, tool: ToolId, id: WebhookId) -> Result<(Tx, Webhook)> {
    let tx = cx.store.begin().await?;
    lock_existing_tool(&tx, tool).await?;
    let webhook = cx.store.webhook_locked(&tx, tool, id).await?;
    webhook.map(|webhook| (tx, webhook)).ok_or_else(|| missing(id))
}

/// Refuses an address that nothing is sent to. It is looked at again for each request: names change their meaning.
async fn check(cx: &Cx, url: &str) -> Result<()> {
    let refused = |why: &str| {
        let public = format!("{:?} cannot be a webhook's address: {why}", one_line(url, 80));
        Error::invalid("webhook-url", public)
    };
    if url.len() > LONGEST || url.contains('#') {
        return Err(refused(&format!("at most {LONGEST} characters, and no #part")).help("leave that out"));
    }
    let address = url
        .parse()
        .map_err(|_| refused("it is no address of the web").help("write it as https://example.org/path"))?;
    cx.outbound.may_reach(&address).await.map_err(|error| {
        let refused = refused(error.public());
        match error.next() {
            Some(next) => refused.help(next.to_owned()),
            None => refused,
        }
    })
}

fn sort_events(mut events: Vec<EventType>) -> Vec<EventType> {
    events.sort_unstable();
    events.dedup();
    events
}

fn missing(id: WebhookId) -> Error {
    Error::not_found("webhook", id).help("hearth webhooks list")
}
