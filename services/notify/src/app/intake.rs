//! Intake of events: each creates its deliveries and notice exactly once, in the transaction that moves the
//! cursor.

use hearth_base::{DeliveryId, Error, EventId, Result, ToolId};
use hearth_kit::{db::Tx, log_error, tool_state::lock_tools};
use hearth_wire::{
    events::Event,
    notify::{DeliveryState, EventType, WebhookPayload},
};
use jiff::{SignedDuration, Timestamp};

use super::pace::MailPace;
use crate::{
    context::NotifyContext,
    store::{Delivery, NotifyStore, WaitingNotice, Webhook},
};

/// Older events are skipped: after a long outage of this service, mails about them are no longer useful.
const MAX_EVENT_AGE: SignedDuration = SignedDuration::from_hours(24);
/// The maximum number of waiting deliveries of one webhook. Further events are not delivered to it.
const MAX_WAITING_DELIVERIES: u64 = 1000;

/// Processes events in the transaction that moves the cursor.
pub async fn process_events(cx: &NotifyContext, tx: &Tx, events: Vec<Event>) -> Result<()> {
    let now = cx.now();
    let recent: Vec<Event> = events.into_iter().filter(|event| event.time >= now - MAX_EVENT_AGE).collect();
    let deleted = lock_tools(tx, recent.iter().filter_map(|event| event.tool)).await?;
    for event in recent {
        if let Some(tool) = event.tool.filter(|tool| !deleted.contains(tool)) {
            process_event(cx, tx, tool, event, now).await?;
        }
    }
    Ok(())
}

async fn process_event(
    cx: &NotifyContext,
    tx: &Tx,
    tool: ToolId,
    event: Event,
    now: Timestamp,
) -> Result<()> {
    let notice = event.read_notice().unwrap_or_else(|error| {
        // A newer release wrote it: skip its mail, and continue.
        log_error!(&error, service = %event.service, event_type = event.event_type, "notice of an event not readable; no mail");
        None
    });
    let Event { id, event_type, time, data, .. } = event;
    let payload = WebhookPayload { event: EventType::from_event(&event_type), timestamp: time, data };
    for webhook in cx.store.list_webhooks_in_tx(tx, tool).await? {
        if webhook.is_subscribed_to(&payload.event)
            && cx.store.count_waiting_deliveries(tx, webhook.id, None).await? < MAX_WAITING_DELIVERIES
        {
            enqueue_delivery(cx, tx, &webhook, id, &payload, now).await?;
        }
    }
    if let Some(notice) = notice.filter(|_| cx.mailer.is_some()) {
        let waiting = WaitingNotice { id, time, event_type: payload.event, notice };
        cx.store.insert_notice(tx, tool, &waiting).await?;
        enqueue_gather(cx, tx, tool, now).await?;
    }
    Ok(())
}

/// Enqueues the creation of mails about a tool for the earliest allowed time.
async fn enqueue_gather(cx: &NotifyContext, tx: &Tx, tool: ToolId, now: Timestamp) -> Result<()> {
    let mail_times = cx.store.read_mail_times(tx, tool).await?.times;
    cx.store
        .enqueue(
            tx,
            NotifyStore::GATHER_TASK,
            tool,
            MailPace::from_settings(&cx.settings).next_mail_time(&mail_times, now),
        )
        .await
}

/// Stores a delivery to a webhook and enqueues it.
pub async fn enqueue_delivery(
    cx: &NotifyContext,
    tx: &Tx,
    webhook: &Webhook,
    message: EventId,
    payload: &WebhookPayload,
    now: Timestamp,
) -> Result<Delivery> {
    let delivery = Delivery {
        id: DeliveryId::new(now, &cx.entropy),
        tool: webhook.tool,
        webhook: webhook.id,
        message: message.to_string(),
        event: payload.event.clone(),
        body: serde_json::to_string(payload).map_err(Error::internal)?,
        state: DeliveryState::Waiting,
        tries: 0,
        created: now,
        next: Some(now),
        status: None,
        reply: None,
        answered_at: None,
    };
    cx.store.save_delivery(tx, &delivery).await?;
    cx.store.enqueue(tx, NotifyStore::WEBHOOK_TASK, webhook.id, now).await?;
    Ok(delivery)
}

/// Builds the payload of a test.
pub fn build_test_payload(tool: ToolId, webhook: &Webhook, now: Timestamp) -> WebhookPayload {
    let data = serde_json::json!({ "tool_id": tool, "webhook": webhook.id });
    WebhookPayload { event: EventType::webhook_test(), timestamp: now, data }
}
