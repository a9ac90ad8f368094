//! Delivery of an event to a webhook: signed, without redirects, with the retries that the Standard Webhooks
//! specification recommends (section "Deliverability and reliability").
//!
//! | answer | state of the delivery | effect on the webhook |
//! |---|---|---|
//! | 2xx | delivered | its back-off ends |
//! | 410 | failed | disabled |
//! | another status or an error | waiting until the next attempt | backed off |
//! | the same at the last attempt | failed | disabled if nothing was delivered since the event |

use std::time::Duration;

use bytes::Bytes;
use hearth_base::{DeliveryId, Error, Result, ToolId, to_single_line};
use hearth_kit::{
    db::Tx,
    outbound::{FetchLimits, FetchedDocument},
    queue::ItemOutcome,
    tool_state::{ToolState, lock_tool},
};
use hearth_wire::notify::{DeliveryState, EventType};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use jiff::Timestamp;

use super::signature;
use crate::{
    context::NotifyContext,
    store::{Delivery, Webhook},
    webhook_backoff::retry_pause,
};

/// The time limit of a request, and the bytes of its answer that are read.
const RECEIVER_LIMITS: FetchLimits = FetchLimits { max_bytes: 1024, timeout: Duration::from_secs(15) };
/// The maximum length of a stored response, in characters.
const MAX_RESPONSE_CHARACTERS: usize = 200;

/// The outcome of an attempt to deliver.
#[derive(Debug)]
pub enum DeliveryAttempt {
    /// The delivery was deleted or has ended.
    Nothing,
    /// The webhook is backed off until this time.
    BackedOff(Timestamp),
    /// The webhook was disabled or deleted.
    WebhookDisabled(ToolId),
    /// The request was sent.
    Sent(Box<Webhook>, Result<FetchedDocument>),
}

/// Sends a waiting delivery to its webhook.
pub async fn attempt_delivery(cx: &NotifyContext, id: DeliveryId) -> Result<DeliveryAttempt> {
    let waiting = cx.store.find_delivery(&id.to_string()).await?;
    let Some(waiting) = waiting.filter(|delivery| delivery.state == DeliveryState::Waiting) else {
        return Ok(DeliveryAttempt::Nothing);
    };
    let webhook = cx.store.find_webhook(waiting.tool, waiting.webhook).await?;
    let Some(webhook) = webhook.filter(|webhook| webhook.enabled) else {
        return Ok(DeliveryAttempt::WebhookDisabled(waiting.tool));
    };
    let until = cx.webhook_backoff.paused_until(webhook.id, cx.now());
    if let Some(until) = until.filter(|_| waiting.event != EventType::webhook_test()) {
        return Ok(DeliveryAttempt::BackedOff(until));
    }
    let answer = post_delivery(cx, &webhook, &waiting).await;
    Ok(DeliveryAttempt::Sent(Box::new(webhook), answer))
}

/// Records an attempt to deliver.
pub async fn record_attempt(
    cx: &NotifyContext,
    tx: &Tx,
    id: DeliveryId,
    attempt: &DeliveryAttempt,
) -> Result<ItemOutcome> {
    let now = cx.now();
    let tool = match attempt {
        DeliveryAttempt::Nothing => return Ok(ItemOutcome::Finished),
        DeliveryAttempt::BackedOff(until) => return Ok(ItemOutcome::DueAt(*until)),
        DeliveryAttempt::WebhookDisabled(tool) => *tool,
        DeliveryAttempt::Sent(webhook, _) => webhook.tool,
    };
    // The lock of the tool excludes a concurrent deletion of the delivery, its webhook or its tool.
    let tool_state = lock_tool(tx, tool).await?;
    let found = cx.store.find_delivery_in_tx(tx, id).await?.filter(|_| tool_state == ToolState::Exists);
    let Some(mut delivery) = found else { return Ok(ItemOutcome::Finished) };
    if let DeliveryAttempt::Sent(webhook, answer) = attempt {
        record_answer(cx, tx, webhook, &mut delivery, answer, now).await?;
    } else {
        (delivery.state, delivery.next) = (DeliveryState::Failed, None);
        delivery.reply = Some("the webhook is off".to_owned());
    }
    if delivery.next.is_none() {
        // The body may hold output of runs: delete it as soon as it is not needed.
        delivery.body.clear();
    }
    cx.store.save_delivery(tx, &delivery).await?;
    Ok(delivery.next.map_or(ItemOutcome::Finished, ItemOutcome::DueAt))
}

async fn post_delivery(
    cx: &NotifyContext,
    webhook: &Webhook,
    delivery: &Delivery,
) -> Result<FetchedDocument> {
    let address = webhook.url.parse().map_err(Error::internal)?;
    let secret = cx.vault.decrypt_value(webhook.secret_context(), &webhook.secret)?;
    let (sent, message) = (cx.now(), &delivery.message);
    let signature = signature::compute_signature(&secret, message, sent, &delivery.body)?;
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
    cx.outbound.post_document(&address, headers, Bytes::from(delivery.body.clone()), RECEIVER_LIMITS).await
}

async fn record_answer(
    cx: &NotifyContext,
    tx: &Tx,
    sent_to: &Webhook,
    delivery: &mut Delivery,
    answer: &Result<FetchedDocument>,
    now: Timestamp,
) -> Result<()> {
    delivery.tries += 1;
    delivery.next = None;
    (delivery.status, delivery.reply) = match answer {
        Ok(answer) => {
            let reply = to_single_line(&String::from_utf8_lossy(&answer.content), MAX_RESPONSE_CHARACTERS);
            (Some(answer.status.as_u16()), Some(reply).filter(|reply| !reply.is_empty()))
        }
        Err(error) => (None, Some(to_single_line(error.public_message(), MAX_RESPONSE_CHARACTERS))),
    };
    let status = answer.as_ref().ok().map(|answer| answer.status);
    if status.is_some_and(|status| status.is_success()) {
        delivery.state = DeliveryState::Delivered;
        cx.webhook_backoff.reset(sent_to.id);
        return Ok(());
    }
    cx.webhook_backoff.record_failure(sent_to.id, now);
    if status == Some(StatusCode::GONE) {
        delivery.state = DeliveryState::Failed;
        return disable_webhook(cx, tx, sent_to, "it answered 410: it accepts no more deliveries").await;
    }
    let failures = usize::try_from(delivery.tries).unwrap_or(usize::MAX);
    let Some(pause) = retry_pause(failures) else {
        delivery.state = DeliveryState::Failed;
        if cx.store.has_delivered_since(tx, delivery.webhook, delivery.created).await? {
            return Ok(());
        }
        return disable_webhook(cx, tx, sent_to, "no delivery was accepted for three days").await;
    };
    delivery.next = Some(now + pause);
    Ok(())
}

/// Disables a webhook, unless its address was changed after the request.
async fn disable_webhook(cx: &NotifyContext, tx: &Tx, sent_to: &Webhook, reason: &str) -> Result<()> {
    let webhook = cx.store.lock_webhook(tx, sent_to.tool, sent_to.id).await?;
    let Some(mut webhook) = webhook.filter(|webhook| webhook.url == sent_to.url) else { return Ok(()) };
    (webhook.enabled, webhook.reason) = (false, Some(reason.to_owned()));
    cx.store.save_webhook(tx, &webhook).await
}
