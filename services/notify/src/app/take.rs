//! Events of other services: each becomes deliveries and a notice once, in the change that moves the cursor.

use hearth_base::{DeliveryId, Error, EventId, Result, ToolId};
use hearth_kit::{db::Tx, log_error, tool_state::lock_tools};
use hearth_wire::{
    events::Event,
    notify::{DeliveryState, EventType, Payload},
};
use jiff::{SignedDuration, Timestamp};

use super::pace::Pace;
use crate::{
    cx::Cx,
    store::{Delivery, Store, WaitingNotice, Webhook},
};

/// An older event reaches nobody any more: this service was away, and people have seen for themselves.
const MAX_EVENT_AGE: SignedDuration = SignedDuration::from_hours(24);
/// How much may wait for one webhook. What is beyond that is not kept for it.
const MAX_WAITING_DELIVERIES: u64 = 1000;

/// Takes events in the change that moves the cursor.
pub async fn take_events(cx: &Cx, tx: &Tx, events: Vec<Event>) -> Result<()> {
    let now = cx.now();
    let recent: Vec<Event> = events.into_iter().filter(|event| event.time >= now - MAX_EVENT_AGE).collect();
    let deleted = lock_tools(tx, recent.iter().filter_map(|event| event.tool)).await?;
    for event in recent {
        if let Some(tool) = event.tool.filter(|tool| !deleted.contains(tool)) {
            take_event(cx, tx, tool, event, now).await?;
        }
    }
    Ok(())
}

async fn take_event(cx: &Cx, tx: &Tx, tool: ToolId, event: Event, now: Timestamp) -> Result<()> {
    let notice = event.read_notice().unwrap_or_else(|error| {
        // Of a newer release: nobody gets mail about it, and it holds nothing else up.
        log_error!(&error, service = %event.service, event_type = event.event_type, "notice of an event not understood");
        None
    });
    let Event { id, event_type, time, data, .. } = event;
    let payload = Payload { event: EventType::of_event(&event_type), timestamp: time, data };
    for webhook in cx.store.webhooks_in(tx, tool).await? {
        if webhook.wants(&payload.event)
            && cx.store.deliveries_waiting(tx, webhook.id, None).await? < MAX_WAITING_DELIVERIES
        {
            deliver(cx, tx, &webhook, id, &payload, now).await?;
        }
    }
    if let Some(notice) = notice.filter(|_| cx.mailer.is_some()) {
        cx.store.notice_add(tx, tool, &WaitingNotice { id, time, notice }).await?;
        ask_gather(cx, tx, tool, now).await?;
    }
    Ok(())
}

/// Asks for what waits of a tool to become mails, as soon as that may be.
async fn ask_gather(cx: &Cx, tx: &Tx, tool: ToolId, now: Timestamp) -> Result<()> {
    let mailed = cx.store.tool_in(tx, tool).await?.mailed;
    cx.store.enqueue(tx, Store::GATHER_TASK, tool, Pace::of(&cx.settings).next(&mailed, now)).await
}

/// Keeps what a webhook is to be told, and asks for it to be told.
pub async fn deliver(
    cx: &Cx,
    tx: &Tx,
    webhook: &Webhook,
    message: EventId,
    payload: &Payload,
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
        said: None,
    };
    cx.store.delivery_put(tx, &delivery).await?;
    cx.store.enqueue(tx, Store::DELIVER_TASK, delivery.id, now).await?;
    Ok(delivery)
}

/// The payload of a test.
pub fn test(tool: ToolId, webhook: &Webhook, now: Timestamp) -> Payload {
    let data = serde_json::json!({ "tool_id": tool, "webhook": webhook.id });
    Payload { event: EventType::test(), timestamp: now, data }
}
