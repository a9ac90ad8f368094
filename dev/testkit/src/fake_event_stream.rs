//! A fake event stream for tests of consumers.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{Json, Router, http::StatusCode, routing::get};
use hearth_base::{Entropy, EventId, Result};
use hearth_kit::Query;
use hearth_wire::{
    events::{Event, EventBatch, EventsQuery, Notice, Topic, TopicInfo},
    reply::{Data, Messages},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Notify;

/// A fake of a service's event stream, held in memory.
#[derive(Clone, Default)]
pub struct FakeEventStream(Arc<FakeEventStreamState>);

#[derive(Default)]
struct FakeEventStreamState {
    stored: Mutex<StoredEvents>,
    changed: Notify,
}

#[derive(Default)]
struct StoredEvents {
    events: Vec<Event>,
    head: i64,
    deleted_until: i64,
    /// True while the service is of a release without this topic.
    is_missing: bool,
}

type FakeRefusal = (StatusCode, Json<Value>);

impl FakeEventStream {
    fn lock_events(&self) -> MutexGuard<'_, StoredEvents> {
        self.0.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends an event that happened at `time`.
    pub fn append_event<T: Topic>(&self, time: Timestamp, event: &T, notice: Option<&Notice>) -> Result<()> {
        let notice = notice.map(|notice| json!(notice));
        self.append_raw(Event {
            position: 0,
            id: EventId::new(time, &Entropy::System),
            service: T::TOPIC_INFO.service,
            event_type: event.event_type().to_owned(),
            tool: event.tool(),
            time,
            data: event.to_data()?,
            notice,
        });
        Ok(())
    }

    /// Appends an event with the next position; its other fields are unchanged.
    pub fn append_raw(&self, event: Event) {
        let mut stored = self.lock_events();
        stored.head += 1;
        let position = stored.head;
        stored.events.push(Event { position, ..event });
        self.0.changed.notify_waiters();
    }

    /// Deletes all events and skips `more` positions, as if that many unread events had been deleted too.
    pub fn delete_all(&self, more: i64) {
        let mut stored = self.lock_events();
        stored.events.clear();
        stored.head += more;
        stored.deleted_until = stored.head;
        self.0.changed.notify_waiters();
    }

    /// Answers as a service of a release without this topic, or as one with it.
    pub fn set_missing(&self, is_missing: bool) {
        self.lock_events().is_missing = is_missing;
        self.0.changed.notify_waiters();
    }

    /// The position of the newest event.
    pub fn read_head(&self) -> i64 {
        self.lock_events().head
    }

    /// The router with the endpoint of a topic.
    pub fn build_router<S: Clone + Send + Sync + 'static>(&self, topic: &TopicInfo) -> Router<S> {
        let stream = self.clone();
        let path = format!("/{}/v1/internal/events/{}", topic.service, topic.name);
        let read = async move |Query(query): Query<EventsQuery>| stream.read(&query).await;
        Router::new().route(&path, get(read))
    }

    async fn read(&self, query: &EventsQuery) -> Result<Json<Data<EventBatch>>, FakeRefusal> {
        let changed = self.0.changed.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        let mut batch = self.read_now(query.after)?;
        if batch.events.is_empty() {
            let wait = Duration::from_secs(query.wait.unwrap_or(0));
            let _changed_or_time = tokio::time::timeout(wait, changed).await;
            batch = self.read_now(query.after)?;
        }
        Ok(Json(Data { data: batch, messages: Messages::default() }))
    }

    fn read_now(&self, after: Option<i64>) -> Result<EventBatch, FakeRefusal> {
        let stored = self.lock_events();
        if stored.is_missing {
            let refusal =
                json!({"messages": {"error": ["there is no such endpoint"]}, "code": "no-such-endpoint"});
            return Err((StatusCode::NOT_FOUND, Json(refusal)));
        }
        if after.is_some_and(|after| after < stored.deleted_until) {
            let refusal = json!({"messages": {"error": ["the events after this position are deleted"]}, "code": "event-gap"});
            return Err((StatusCode::CONFLICT, Json(refusal)));
        }
        let after = after.unwrap_or(0);
        let events = stored.events.iter().filter(|event| event.position > after).cloned().collect();
        Ok(EventBatch { events, next: stored.head })
    }
}
