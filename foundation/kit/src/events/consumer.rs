//! Consumers: workers that apply the events of one topic of another service, in order.
//!
//! | cursor | starts at | after an error | after a gap |
//! |---|---|---|---|
//! | stored | the oldest event | retries the same batch | `rebuild_state`, then continues at its `ResumePosition` |
//! | in memory | the head of the stream, after `rebuild_view` | as at the start | as at the start |

use std::{future::Future, time::Duration};

use hearth_base::{Error, ErrorKind, Result};
use hearth_wire::events::{Event, EventBatch, EventsQuery, TopicInfo};

use super::reader::is_gap;
use crate::{
    Kit, ServiceClients, Worker,
    backoff::Backoff,
    db::{Db, Tx, events::EventCursor},
    log_error,
    tasks::ShutdownSignal,
};

/// Long-poll time of a consumer with a stored cursor.
const STORED_WAIT: Duration = Duration::from_secs(EventsQuery::MAX_WAIT_SECONDS);
/// Long-poll time of a consumer in memory: shorter, so that it soon notices an unavailable source.
const VIEW_WAIT: Duration = Duration::from_secs(25);
/// First pause after an error.
const FIRST_ERROR_PAUSE: Duration = Duration::from_millis(500);
/// Maximum pause after errors of a consumer with a stored cursor.
const MAX_STORED_ERROR_PAUSE: Duration = Duration::from_secs(30);
/// Maximum pause after errors of a consumer in memory.
const MAX_VIEW_ERROR_PAUSE: Duration = Duration::from_secs(2);
/// Code of the error for a topic that the service does not publish: it is of an earlier release.
const MISSING_TOPIC_CODE: &str = "topic-missing";
/// Without events of the topic, the stored cursor is moved only when it is this many positions behind the head.
const MAX_IDLE_DISTANCE: i64 = 500;

/// Handler that applies the events of one topic in transactions of this service's database.
pub trait EventHandler: Send + Sync + 'static {
    /// Work outside of a transaction before the events are applied, such as calls of other services. May be repeated
    /// for the same events.
    fn prepare_events(&self, _events: &[Event]) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// Applies events in the transaction that also moves the cursor, so exactly once. Unknown event types must be
    /// skipped. The cursor is already locked.
    fn apply_events(&self, tx: &Tx, events: Vec<Event>) -> impl Future<Output = Result<()>> + Send;

    /// Rebuilds the state after a gap in the events, without them. May be repeated.
    fn rebuild_state(&self) -> impl Future<Output = Result<ResumePosition>> + Send;
}

/// Position from which a consumer continues after a rebuild.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResumePosition {
    /// The oldest event that is retained.
    AtOldest,
    /// The head of the stream as it was before the rebuild.
    AtHead,
}

/// Handler that keeps an in-memory view up to date with one topic.
pub trait ViewHandler: Send + Sync + 'static {
    /// Reads the whole state. Events during the rebuild are applied afterwards; the state may already contain them.
    fn rebuild_view(&self) -> impl Future<Output = Result<()>> + Send;

    /// Applies events. An error causes a rebuild.
    fn apply_events(&self, events: Vec<Event>) -> impl Future<Output = Result<()>> + Send;

    /// Called when the source is unavailable: from now on the view may be out of date.
    fn mark_disconnected(&self) {}
}

/// A consumer of one topic of another service.
pub struct EventConsumer {
    name: &'static str,
    topic: &'static TopicInfo,
    clients: ServiceClients,
}

impl EventConsumer {
    /// The consumer `name` of `topic`. The name identifies its worker and its stored cursor.
    pub fn new(kit: &Kit, name: &'static str, topic: &'static TopicInfo) -> Self {
        Self { name, topic, clients: kit.clients.clone() }
    }

    /// Converts the consumer into a worker that applies events in transactions of `db`. While the service is of an earlier
    /// release that does not publish the topic, it looks again from time to time.
    pub fn into_stored_worker(self, db: &Db, handler: impl EventHandler) -> Worker {
        let cursor = EventCursor::new(db.clone(), self.name, self.topic);
        let db = db.clone();
        Worker::new(self.name, |stop| async move {
            let mut backoff = Backoff::new(FIRST_ERROR_PAUSE, MAX_STORED_ERROR_PAUSE);
            while let Some(turn) = stop.run_until_shutdown(self.apply_stored(&db, &cursor, &handler)).await {
                match turn {
                    // Services of two releases run together during an upgrade: this is no error, and may last for days.
                    Err(error) if error.code() == MISSING_TOPIC_CODE => {
                        tracing::debug!(consumer = self.name, %error, "topic not published yet; will retry");
                        stop.pause(MAX_STORED_ERROR_PAUSE).await;
                    }
                    turn => self.end_pass(turn, &mut backoff, &stop).await,
                }
            }
        })
    }

    /// Converts the consumer into a worker that keeps an in-memory view up to date.
    pub fn into_view_worker(self, handler: impl ViewHandler) -> Worker {
        Worker::new(self.name, |stop| async move {
            let mut backoff = Backoff::new(FIRST_ERROR_PAUSE, MAX_VIEW_ERROR_PAUSE);
            while let Some(turn) =
                stop.run_until_shutdown(self.follow_in_memory(&handler, &mut backoff)).await
            {
                handler.mark_disconnected();
                self.end_pass(turn, &mut backoff, &stop).await;
            }
        })
    }

    /// Ends a pass: after an error with a log line and a growing pause.
    async fn end_pass(&self, turn: Result<()>, backoff: &mut Backoff, stop: &ShutdownSignal) {
        let Err(error) = turn else { return backoff.reset_pause() };
        let Self { name, topic, .. } = self;
        log_error!(&error, consumer = name, service = %topic.service, topic = topic.name, "events not applied; will retry");
        backoff.pause(stop).await;
    }

    async fn read_batch(&self, after: &EventsQuery) -> Result<EventBatch> {
        let Self { topic, clients, .. } = self;
        clients.create_client(topic.service)?.read_events(topic, after).await.map_err(|error| {
            // The endpoint has no other object that may be missing than itself.
            if error.kind() != ErrorKind::NotFound {
                return error;
            }
            let what = format!("{} does not publish the topic {}", topic.service, topic.name);
            Error::unavailable(MISSING_TOPIC_CODE, what).help("start the service in the current release")
        })
    }

    /// Reads one batch and applies it.
    async fn apply_stored(&self, db: &Db, cursor: &EventCursor, handler: &impl EventHandler) -> Result<()> {
        let position = cursor.read_position().await?;
        let EventBatch { events, next } = match self
            .read_batch(&EventsQuery::after_position(position, STORED_WAIT))
            .await
        {
            Err(error) if is_gap(&error) => return self.rebuild_stored(db, cursor, position, handler).await,
            batch => batch?,
        };
        // Moving the cursor costs a transaction, so a quiet topic moves it only once in a while.
        if events.is_empty() && next < position.unwrap_or(0) + MAX_IDLE_DISTANCE {
            return Ok(());
        }
        handler.prepare_events(&events).await?;
        let tx = db.begin_background().await?;
        // Another process of this service may have applied these events in the meantime.
        if cursor.lock_position(&tx).await? != position {
            return Ok(());
        }
        if !events.is_empty() {
            handler.apply_events(&tx, events).await?;
        }
        cursor.store_position(&tx, Some(next)).await?;
        tx.commit().await
    }

    async fn rebuild_stored(
        &self,
        db: &Db,
        cursor: &EventCursor,
        position: Option<i64>,
        handler: &impl EventHandler,
    ) -> Result<()> {
        tracing::warn!(topic = self.topic.name, service = %self.topic.service, position, "events lost; rebuilding");
        // The head is read before the rebuild: events during it are applied afterwards, some of them a second time.
        let head = self.read_batch(&EventsQuery::from_head()).await?.next;
        let resume = match handler.rebuild_state().await? {
            ResumePosition::AtOldest => None,
            ResumePosition::AtHead => Some(head),
        };
        let tx = db.begin_background().await?;
        if cursor.lock_position(&tx).await? == position {
            cursor.store_position(&tx, resume).await?;
        }
        tx.commit().await
    }

    /// Rebuilds the view, then applies events until an error.
    async fn follow_in_memory(&self, handler: &impl ViewHandler, backoff: &mut Backoff) -> Result<()> {
        // In this order no event is lost between the rebuild and the first batch.
        let mut position = self.read_batch(&EventsQuery::from_head()).await?.next;
        handler.rebuild_view().await?;
        loop {
            let batch = self.read_batch(&EventsQuery::after_position(Some(position), VIEW_WAIT)).await?;
            position = batch.next;
            backoff.reset_pause();
            if !batch.events.is_empty() {
                handler.apply_events(batch.events).await?;
            }
        }
    }
}
