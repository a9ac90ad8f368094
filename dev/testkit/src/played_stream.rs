//! A service's stream of events, played for a consumer that is tested.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{Json, Router, http::StatusCode, routing::get};
use hearth_base::{Entropy, EventId, Result};
use hearth_kit::Query;
use hearth_wire::{
    events::{After, Event, EventBatch, Notice, Topic, TopicInfo},
    reply::{Data, Messages},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Notify;

/// A service's stream of events, played for a consumer that is tested.
#[derive(Clone, Default)]
pub struct PlayedStream(Arc<Inner>);

#[derive(Default)]
struct Inner {
    kept: Mutex<Kept>,
    appended: Notify,
}

#[derive(Default)]
struct Kept {
    events: Vec<Event>,
    head: i64,
    deleted_until: i64,
}

type Refused = (StatusCode, Json<Value>);

impl PlayedStream {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends an event that happened at `time`.
    pub fn append<T: Topic>(&self, time: Timestamp, event: &T, notice: Option<&Notice>) -> Result<()> {
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

    /// Appends an event as it is, with the next position.
    pub fn append_raw(&self, event: Event) {
        let mut kept = self.kept();
        kept.head += 1;
        let position = kept.head;
        kept.events.push(Event { position, ..event });
        self.0.appended.notify_waiters();
    }

    /// Deletes all events, and this many more that nobody has seen.
    pub fn delete_all(&self, more: i64) {
        let mut kept = self.kept();
        kept.events.clear();
        kept.head += more;
        kept.deleted_until = kept.head;
    }

    /// The position of the newest event.
    pub fn head(&self) -> i64 {
        self.kept().head
    }

    /// The endpoint where a topic of the stream is read.
    pub fn router<S: Clone + Send + Sync + 'static>(&self, topic: &TopicInfo) -> Router<S> {
        let stream = self.clone();
        let path = format!("/{}/v1/internal/events/{}", topic.service, topic.name);
        let read = async move |Query(after): Query<After>| stream.read(&after).await;
        Router::new().route(&path, get(read))
    }

    async fn read(&self, after: &After) -> Result<Json<Data<EventBatch>>, Refused> {
        let appended = self.0.appended.notified();
        tokio::pin!(appended);
        appended.as_mut().enable();
        let mut batch = self.read_now(after.after)?;
        if batch.events.is_empty() {
            let wait = Duration::from_secs(after.wait.unwrap_or(0));
            let _appended_or_time = tokio::time::timeout(wait, appended).await;
            batch = self.read_now(after.after)?;
        }
        Ok(Json(Data { data: batch, messages: Messages::default() }))
    }

    fn read_now(&self, after: Option<i64>) -> Result<EventBatch, Refused> {
        let kept = self.kept();
        if after.is_some_and(|after| after < kept.deleted_until) {
            let refusal = json!({"messages": {"error": ["no longer kept"]}, "code": "event-gap"});
            return Err((StatusCode::CONFLICT, Json(refusal)));
        }
        let after = after.unwrap_or(0);
        let events = kept.events.iter().filter(|event| event.position > after).cloned().collect();
        Ok(EventBatch { events, next: kept.head })
    }
}
