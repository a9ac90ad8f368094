//! Telling a webhook: signed, without following redirects, tried again as the Standard Webhooks specification
//! recommends (section "Deliverability and reliability").

use std::time::Duration;

use bytes::Bytes;
use hearth_base::{DeliveryId, Error, Result, ToolId, one_line};
use hearth_kit::{
    db::Tx,
    outbound::{Fetched, Limits},
    queue::NextTurn,
    tool_state::{ToolState, lock_tool},
};
use hearth_wire::notify::{DeliveryState, EventType};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use jiff::Timestamp;

use super::sign;
use crate::{
    cx::Cx,
    store::{Delivery, Webhook},
    webhook_backoff::retry_pause,
};

/// How long a receiver may take, and how much of its answer is looked at.
const LIMITS: Limits = Limits { size: 1024, time: Duration::from_secs(15) };
/// The most characters of an answer that are kept.
const SAID: usize = 200;

/// The outcome of an attempt to deliver.
#[derive(Debug)]
pub enum Attempt {
    /// There is nothing to deliver any more.
    Nothing,
    /// The webhook is left alone until then.
    LeftAlone(Timestamp),
    /// The webhook is switched off.
    SwitchedOff(ToolId),
    /// The webhook was asked.
    Asked(Box<Webhook>, Result<Fetched>),
}

/// Asks a webhook to take a delivery, if it is still to be delivered.
pub async fn attempt_delivery(cx: &Cx, id: DeliveryId) -> Result<Attempt> {
    let waiting = cx.store.delivery(&id.to_string()).await?;
    let Some(waiting) = waiting.filter(|delivery| delivery.state == DeliveryState::Waiting) else {
        return Ok(Attempt::Nothing);
    };
    let webhook = cx.store.webhook(waiting.tool, waiting.webhook).await?;
    let Some(webhook) = webhook.filter(|webhook| webhook.enabled) else {
        return Ok(Attempt::SwitchedOff(waiting.tool));
    };
    let until = cx.webhook_backoff.paused_until(webhook.id, cx.now());
    if let Some(until) = until.filter(|_| waiting.event != EventType::test()) {
        return Ok(Attempt::LeftAlone(until));
    }
    let answer = post(cx, &webhook, &waiting).await;
    Ok(Attempt::Asked(Box::new(webhook), answer))
}

/// Records an attempt to deliver.
pub async fn record_attempt(cx: &Cx, tx: &Tx, id: DeliveryId, attempt: &Attempt) -> Result<NextTurn> {
    let now = cx.now();
    let tool = match attempt {
        Attempt::Nothing => return Ok(NextTurn::Finished),
        Attempt::LeftAlone(until) => return Ok(NextTurn::DueAt(*until)),
        Attempt::SwitchedOff(tool) => *tool,
        Attempt::Asked(webhook, _) => webhook.tool,
    };
    // Deleted meanwhile, alone or with its webhook or tool, which is locked for that: nothing is recorded.
    let tool_state = lock_tool(tx, tool).await?;
    let found = cx.store.delivery_in(tx, id).await?.filter(|_| tool_state == ToolState::Exists);
    let Some(mut delivery) = found else { return Ok(NextTurn::Finished) };
    if let Attempt::Asked(webhook, answer) = attempt {
        note(cx, tx, webhook, &mut delivery, answer, now).await?;
    } else {
        (delivery.state, delivery.next) = (DeliveryState::Failed, None);
        delivery.said = Some("the webhook is switched off".to_owned());
    }
    if delivery.next.is_none() {
        // What runs wrote is not kept here for longer than it takes.
        delivery.body.clear();
    }
    cx.store.delivery_put(tx, &delivery).await?;
    Ok(delivery.next.map_or(NextTurn::Finished, NextTurn::DueAt))
}

async fn post(cx: &Cx, webhook: &Webhook, delivery: &Delivery) -> Result<Fetched> {
    let address = webhook.url.parse().map_err(Error::internal)?;
    let secret = cx.vault.open_value(webhook.place(), &webhook.secret)?;
    let (sent, message) = (cx.now(), &delivery.message);
    let signature = sign::signature(&secret, message, sent, &delivery.body)?;
    let mut headers = HeaderMap::new();
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    for (name, value) in [
        ("webhook-id", message.clone()),
        ("webhook-timestamp", sent.as_second().to_string()),
        ("webhook-signature", signature),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::try_from(value).map_err(Error::internal)?);
    }
    cx.outbound.post(&address, headers, Bytes::from(delivery.body.clone()), LIMITS).await
}

async fn note(
    cx: &Cx,
    tx: &Tx,
    told: &Webhook,
    delivery: &mut Delivery,
    answer: &Result<Fetched>,
    now: Timestamp,
) -> Result<()> {
    delivery.tries += 1;
    delivery.next = None;
    (delivery.status, delivery.said) = match answer {
        Ok(answer) => {
            let said = one_line(&String::from_utf8_lossy(&answer.content), SAID);
            (Some(answer.status.as_u16()), Some(said).filter(|said| !said.is_empty()))
        }
        Err(error) => (None, Some(one_line(error.public(), SAID))),
    };
    let status = answer.as_ref().ok().map(|answer| answer.status);
    if status.is_some_and(|status| status.is_success()) {
        delivery.state = DeliveryState::Delivered;
        cx.webhook_backoff.reset(told.id);
        return Ok(());
    }
    cx.webhook_backoff.record_failure(told.id, now);
    if status == Some(StatusCode::GONE) {
        delivery.state = DeliveryState::Failed;
        return switch_off(cx, tx, told, "it answered 410: it wants to be told nothing any more").await;
    }
    let failures = usize::try_from(delivery.tries).unwrap_or(usize::MAX);
    let Some(pause) = retry_pause(failures) else {
        delivery.state = DeliveryState::Failed;
        if cx.store.delivered_since(tx, delivery.webhook, delivery.created).await? {
            return Ok(());
        }
        return switch_off(cx, tx, told, "for three days it took nothing").await;
    };
    delivery.next = Some(now + pause);
    Ok(())
}

/// Switches a webhook off, unless it was given another address since it was told.
async fn switch_off(cx: &Cx, tx: &Tx, told: &Webhook, reason: &str) -> Result<()> {
    let webhook = cx.store.webhook_locked(tx, told.tool, told.id).await?;
    let Some(mut webhook) = webhook.filter(|webhook| webhook.url == told.url) else { return Ok(()) };
    (webhook.enabled, webhook.reason) = (false, Some(reason.to_owned()));
    cx.store.webhook_put(tx, &webhook).await
}
