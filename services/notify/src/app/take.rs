//! Events of `jobs`' feed: each is taken once, in the change that notes the place behind it.

use hearth_base::{DeliveryId, Error, EventId, Result, ToolId};
use hearth_kit::db::Tx;
use hearth_wire::{
    feed::Event,
    jobs::internal::JobsEvent,
    notify::{DeliveryState, EventType, Payload},
};
use jiff::{SignedDuration, Timestamp};

use super::{about, pace::Pace};
use crate::{
    cx::Cx,
    store::{Delivery, Notice, Store, Tool, Webhook},
};

/// What is older is told to nobody any more: this service was away, and people have seen for themselves.
const NEWS: SignedDuration = SignedDuration::from_hours(24);
/// How much may wait for one webhook. What is beyond that is not kept for it.
const MOST_WAITING: u64 = 1000;

/// Takes events behind the place that was read. Those that were taken already are left out.
pub async fn take(cx: &Cx, events: Vec<Event>) -> Result<()> {
    let now = cx.now();
    let tx = cx.store.begin().await?;
    let place = cx.store.place.locked(&tx).await?;
    let Some(last) = events.last().map(|event| event.position).filter(|last| *last > place) else {
        return Ok(());
    };
    for event in events.into_iter().filter(|event| event.position > place) {
        if event.at < now - NEWS || !JobsEvent::RUNS.contains(&event.kind.as_str()) {
            continue;
        }
        let (position, kind) = (event.position, event.kind.clone());
        match read(event) {
            Ok(notice) => one(cx, &tx, notice, now).await?,
            // Of a newer release: what is not understood is told to nobody, and holds nothing else up.
            Err(error) => {
                let cause = error.cause().map(ToString::to_string);
                tracing::warn!(position, kind, cause, "an event of jobs is not understood, and left out");
            }
        }
    }
    cx.store.place.set(&tx, last).await?;
    tx.commit().await
}

/// Goes on behind `position` without the events before it, which are no longer kept.
pub async fn skip_to(cx: &Cx, position: i64) -> Result<()> {
    let tx = cx.store.begin().await?;
    if cx.store.place.locked(&tx).await? < position {
        cx.store.place.set(&tx, position).await?;
    }
    tx.commit().await
}

fn read(event: Event) -> Result<Notice> {
    let Event { position: _, id, at, kind, data } = event;
    let said = serde_json::Value::from_iter([("kind", kind.into()), ("data", data)]);
    Ok(Notice { id, at, event: serde_json::from_value(said).map_err(Error::internal)? })
}

/// Takes one event. Whether anybody is to be told.
async fn one(cx: &Cx, tx: &Tx, notice: Notice, now: Timestamp) -> Result<()> {
    let (Some(tool), Some(sort)) = (about::tool(&notice.event), about::sort(&notice.event)) else {
        return Ok(());
    };
    let Some(tool) = cx.store.tool_locked(tx, tool).await? else { return Ok(()) };
    let payload = Payload { event: sort, timestamp: notice.at, data: about::data(&notice.event) };
    for webhook in cx.store.webhooks_in(tx, tool.id).await? {
        if webhook.wants(sort) && cx.store.deliveries_waiting(tx, webhook.id, None).await? < MOST_WAITING {
            deliver(cx, tx, &webhook, notice.id, &payload, now).await?;
        }
    }
    if cx.mailer.is_some() && about::wants_mail(&notice.event) {
        cx.store.notice_add(tx, tool.id, &notice).await?;
        ask_gather(cx, tx, &tool, now).await?;
    }
    Ok(())
}

/// Asks for what waits of a tool to become mails, as soon as that may be.
async fn ask_gather(cx: &Cx, tx: &Tx, tool: &Tool, now: Timestamp) -> Result<()> {
    let due = Pace::of(&cx.settings).next(&tool.mailed, now);
    cx.store.ask(tx, Store::GATHER, tool.id, due).await
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
        event: payload.event,
        body: serde_json::to_string(payload).map_err(Error::internal)?,
        state: DeliveryState::Waiting,
        tries: 0,
        created: now,
        next: Some(now),
        status: None,
        said: None,
    };
    cx.store.delivery_put(tx, &delivery).await?;
    cx.store.ask(tx, Store::DELIVER, delivery.id, now).await?;
    Ok(delivery)
}

/// The payload of a test.
pub fn test(tool: ToolId, webhook: &Webhook, now: Timestamp) -> Payload {
    let data = serde_json::json!({ "tool_id": tool, "webhook": webhook.id });
    Payload { event: EventType::Test, timestamp: now, data }
}
