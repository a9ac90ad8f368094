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
use hearth_base::{DeliveryId, Error, Result, Role, WebhookId, to_single_line};
use hearth_kit::{
    db::Tx,
    outbound::{FetchLimits, FetchedDocument},
    queue::ItemOutcome,
    signed_webhooks::build_signed_headers,
    tool_state::{ToolState, lock_tool},
};
use hearth_wire::{
    accounts::internal::{TriggerOwner, TriggerOwnerCheck},
    notify::{DeliveryState, EventType},
};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};

use crate::{
    context::NotifyContext,
    store::{Delivery, NotifyStore, Webhook},
    webhook_backoff::retry_pause,
};

/// The time limit of a request, and the bytes of its answer that are read.
const RECEIVER_LIMITS: FetchLimits = FetchLimits { max_bytes: 1024, timeout: Duration::from_secs(15) };
/// The maximum length of a stored response, in characters.
const MAX_RESPONSE_CHARACTERS: usize = 200;

/// The pause of a webhook whose tool uses its share of the lanes.
const BUSY_LANES_PAUSE: SignedDuration = SignedDuration::from_secs(1);

/// The outcome of an attempt to deliver.
#[derive(Debug)]
pub enum DeliveryAttempt {
    /// The webhook was deleted, or no delivery waits.
    Nothing,
    /// The next delivery is sent at this time: it is due then, or the webhook is backed off, or its tool uses its
    /// share of the lanes.
    Later(Timestamp),
    /// The webhook is off.
    WebhookDisabled(Box<Webhook>),
    /// The webhook has no owner, or its owner may no longer change the tool.
    OwnerLost(Box<Webhook>, String),
    /// The request was sent.
    Sent(Box<Webhook>, DeliveryId, Result<FetchedDocument>),
}

/// Sends the next waiting delivery of a webhook.
pub async fn attempt_delivery(cx: &NotifyContext, id: WebhookId) -> Result<DeliveryAttempt> {
    let Some(webhook) = cx.store.find_webhook_by_id(id).await?.map(Box::new) else {
        return Ok(DeliveryAttempt::Nothing);
    };
    let Some(waiting) = cx.store.find_next_delivery(id).await? else { return Ok(DeliveryAttempt::Nothing) };
    if !webhook.enabled {
        return Ok(DeliveryAttempt::WebhookDisabled(webhook));
    }
    let now = cx.now();
    let paused = cx.webhook_backoff.paused_until(webhook.id, now);
    let paused = paused.filter(|_| waiting.event != EventType::webhook_test());
    let due = waiting.next.max(paused).filter(|due| *due > now);
    if let Some(due) = due {
        return Ok(DeliveryAttempt::Later(due));
    }
    // Other tools have lanes left while the receivers of this one are slow.
    let Some(_lane) = cx.lanes.try_acquire(webhook.tool) else {
        return Ok(DeliveryAttempt::Later(now + BUSY_LANES_PAUSE));
    };
    if let Some(reason) = find_lost_owner(cx, &webhook).await? {
        return Ok(DeliveryAttempt::OwnerLost(webhook, reason));
    }
    let answer = post_delivery(cx, &webhook, &waiting).await;
    Ok(DeliveryAttempt::Sent(webhook, waiting.id, answer))
}

/// Reason for which a webhook of release 0.1.0 is switched off: nobody's right stands behind it.
const NO_OWNER_REASON: &str = "it is of release 0.1.0 and has no owner; switch it on to become its owner";

/// Returns the reason if a webhook has no owner, or its owner may no longer change the tool.
async fn find_lost_owner(cx: &NotifyContext, webhook: &Webhook) -> Result<Option<String>> {
    let Some(owner) = webhook.owner.clone() else { return Ok(Some(NO_OWNER_REASON.to_owned())) };
    let check = TriggerOwnerCheck { tool: webhook.tool, owner };
    let accounts = cx.clients.create_client(Role::Accounts)?;
    let TriggerOwner { name, active } = accounts.accounts_internal().check_trigger_owner(&check).await?;
    let who = name.map_or_else(|| "its owner".to_owned(), |name| format!("its owner {name}"));
    Ok((!active).then(|| format!("{who} may no longer change the tool; switch it on to take it over")))
}

/// Records an attempt to deliver. Returns the time of the next one.
pub async fn record_attempt(
    cx: &NotifyContext,
    tx: &Tx,
    id: WebhookId,
    attempt: &DeliveryAttempt,
) -> Result<ItemOutcome> {
    let now = cx.now();
    let webhook = match attempt {
        DeliveryAttempt::Nothing => return Ok(ItemOutcome::Finished),
        DeliveryAttempt::Later(due) => return Ok(ItemOutcome::DueAt(*due)),
        DeliveryAttempt::WebhookDisabled(webhook)
        | DeliveryAttempt::OwnerLost(webhook, _)
        | DeliveryAttempt::Sent(webhook, ..) => webhook,
    };
    // The lock of the tool excludes a concurrent deletion of the delivery, its webhook or its tool.
    if lock_tool(tx, webhook.tool).await? != ToolState::Exists {
        return Ok(ItemOutcome::Finished);
    }
    match attempt {
        DeliveryAttempt::Sent(webhook, delivery, answer) => {
            record_sent(cx, tx, webhook, *delivery, answer, now).await?;
        }
        DeliveryAttempt::OwnerLost(webhook, reason) => disable_webhook(cx, tx, webhook, reason).await?,
        _ => {}
    }
    // It may have been switched off by this attempt, or on meanwhile.
    let current = cx.store.lock_webhook(tx, webhook.tool, id).await?;
    if current.is_none_or(|webhook| !webhook.enabled) {
        cx.store.fail_waiting_deliveries(tx, id, "the webhook is off").await?;
    }
    Ok(match cx.store.find_next_due_time(tx, id).await? {
        Some(next) => ItemOutcome::DueAt(next),
        None => ItemOutcome::Finished,
    })
}

async fn record_sent(
    cx: &NotifyContext,
    tx: &Tx,
    webhook: &Webhook,
    delivery: DeliveryId,
    answer: &Result<FetchedDocument>,
    now: Timestamp,
) -> Result<()> {
    let found = cx.store.find_delivery_in_tx(tx, delivery).await?;
    let waiting = found.filter(|delivery| delivery.state == DeliveryState::Waiting);
    let Some(mut delivery) = waiting else { return Ok(()) };
    record_answer(cx, tx, webhook, &mut delivery, answer, now).await?;
    if delivery.next.is_none() {
        // The body may hold output of runs: delete it as soon as it is not needed.
        delivery.body.clear();
    }
    cx.store.save_delivery(tx, &delivery).await
}

/// Hands a delivery of release 0.1.0 to the task of its webhook.
pub async fn hand_over_delivery(cx: &NotifyContext, tx: &Tx, id: DeliveryId) -> Result<()> {
    let found = cx.store.find_delivery_in_tx(tx, id).await?;
    match found.filter(|delivery| delivery.state == DeliveryState::Waiting) {
        Some(waiting) => {
            let due = waiting.next.unwrap_or(waiting.created);
            cx.store.enqueue(tx, NotifyStore::WEBHOOK_TASK, waiting.webhook, due).await
        }
        None => Ok(()),
    }
}

async fn post_delivery(
    cx: &NotifyContext,
    webhook: &Webhook,
    delivery: &Delivery,
) -> Result<FetchedDocument> {
    let address = webhook.url.parse().map_err(Error::internal)?;
    let secret = cx.vault.decrypt_value(webhook.secret_context(), &webhook.secret)?;
    let (sent, message) = (cx.now(), &delivery.message);
    let headers = build_signed_headers(&secret, message, sent, &delivery.body)?;
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
    delivery.answered_at = Some(now);
    (delivery.status, delivery.reply) = match answer {
        Ok(answer) => (Some(answer.status.as_u16()), extract_stored_reply(answer)),
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

/// Extracts the beginning of an answer. Nothing is stored of an answer from a private address: the operator allowed
/// events to go there, not its content to come out.
fn extract_stored_reply(answer: &FetchedDocument) -> Option<String> {
    if !answer.is_public {
        return None;
    }
    let reply = to_single_line(&String::from_utf8_lossy(&answer.content), MAX_RESPONSE_CHARACTERS);
    Some(reply).filter(|reply| !reply.is_empty())
}

/// Disables a webhook, unless its address was changed after the request.
async fn disable_webhook(cx: &NotifyContext, tx: &Tx, sent_to: &Webhook, reason: &str) -> Result<()> {
    let webhook = cx.store.lock_webhook(tx, sent_to.tool, sent_to.id).await?;
    let Some(mut webhook) = webhook.filter(|webhook| webhook.url == sent_to.url) else { return Ok(()) };
    (webhook.enabled, webhook.reason) = (false, Some(reason.to_owned()));
    cx.store.save_webhook(tx, &webhook).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answer_from_a_private_address_is_not_stored() {
        let build_answer = |is_public| FetchedDocument {
            status: StatusCode::OK,
            headers: http::HeaderMap::new(),
            content: Bytes::from_static(b"\x1b[31mtoken=s3cret\r\nmore"),
            is_public,
        };
        assert_eq!(extract_stored_reply(&build_answer(false)), None);
        let stored = extract_stored_reply(&build_answer(true)).unwrap();
        assert!(stored.contains("token=s3cret") && !stored.contains(['\r', '\n', '\x1b']), "{stored:?}");
    }
}
