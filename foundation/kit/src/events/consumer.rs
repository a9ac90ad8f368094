//! Consumers: loops that apply the events of one topic of another service, in order.
//!
//! | cursor | starts at | after an error | after a gap |
//! |---|---|---|---|
//! | stored | the oldest event kept | goes on where it was | `rebuild`, then where that says |
//! | in memory | the end of the stream, after `rebuild` | as at the start | as at the start |

use std::{future::Future, time::Duration};

use hearth_base::Result;
use hearth_wire::events::{After, Event, EventBatch, TopicInfo};

use super::reader::is_gap;
use crate::{
    Clients, Kit, Worker,
    backoff::Backoff,
    db::{Db, Tx, events::EventCursor},
    log_error,
    tasks::Stop,
};

/// How long a consumer with a stored cursor waits in one request: it does nothing meanwhile.
const STORED_WAIT: Duration = Duration::from_secs(After::MAX_WAIT_SECONDS);
/// How long a consumer in memory does: it has to notice soon that its source is gone.
const VIEW_WAIT: Duration = Duration::from_secs(25);
/// The first pause after an error.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause of a consumer with a stored cursor.
const MAX_STORED_PAUSE: Duration = Duration::from_secs(30);
/// The longest pause of a consumer in memory.
const MAX_VIEW_PAUSE: Duration = Duration::from_secs(2);
/// A cursor that no event of the topic moves is moved once it is this far behind the stream's end.
const MAX_IDLE_DISTANCE: i64 = 500;

/// Applies events of one topic in transactions of this service's database.
pub trait EventHandler: Send + Sync + 'static {
    /// Does what must not happen inside a transaction, such as calls. May be repeated for the same events.
    fn prepare(&self, _events: &[Event]) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// Applies events in the transaction that also moves the cursor: once, whoever dies. Types that it does not know are
    /// skipped. The cursor is locked before anything else.
    fn apply(&self, tx: &Tx, events: Vec<Event>) -> impl Future<Output = Result<()>> + Send;

    /// Events were lost: brings the state up to date without them. May be repeated.
    fn rebuild(&self) -> impl Future<Output = Result<Resume>> + Send;
}

/// Where a consumer goes on after a rebuild.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// At the oldest event that is still kept.
    AtOldest,
    /// At the stream's end as it was before the rebuild.
    AtHead,
}

/// Keeps a view in memory up to date with one topic.
pub trait ViewHandler: Send + Sync + 'static {
    /// Reads the whole state. Events that happen meanwhile are applied afterwards, perhaps a second time.
    fn rebuild(&self) -> impl Future<Output = Result<()>> + Send;

    /// Applies events. An error leads to a rebuild.
    fn apply(&self, events: Vec<Event>) -> impl Future<Output = Result<()>> + Send;

    /// The source cannot be read: what is in the view may be out of date from now on.
    fn disconnected(&self) {}
}

/// A loop that applies the events of one topic of another service.
pub struct Consumer {
    name: &'static str,
    topic: &'static TopicInfo,
    clients: Clients,
}

impl Consumer {
    /// The consumer `name` of `topic`. Its name is that of its worker, and the key of its stored cursor.
    pub fn new(kit: &Kit, name: &'static str, topic: &'static TopicInfo) -> Self {
        Self { name, topic, clients: kit.clients.clone() }
    }

    /// The worker that applies events in transactions of `db`.
    pub fn stored(self, db: &Db, handler: impl EventHandler) -> Worker {
        let cursor = EventCursor::new(db.clone(), self.name, self.topic);
        let db = db.clone();
        Worker::new(self.name, |stop| async move {
            let mut backoff = Backoff::new(FIRST_PAUSE, MAX_STORED_PAUSE);
            while let Some(turn) = stop.unless(self.apply_stored(&db, &cursor, &handler)).await {
                self.end_turn(turn, &mut backoff, &stop).await;
            }
        })
    }

    /// The worker that keeps a view in memory.
    pub fn in_memory(self, handler: impl ViewHandler) -> Worker {
        Worker::new(self.name, |stop| async move {
            let mut backoff = Backoff::new(FIRST_PAUSE, MAX_VIEW_PAUSE);
            while let Some(turn) = stop.unless(self.follow_in_memory(&handler, &mut backoff)).await {
                handler.disconnected();
                self.end_turn(turn, &mut backoff, &stop).await;
            }
        })
    }

    /// Ends a turn: after an error with a pause, which grows from error to error.
    async fn end_turn(&self, turn: Result<()>, backoff: &mut Backoff, stop: &Stop) {
        let Err(error) = turn else { return backoff.reset() };
        let Self { name, topic, .. } = self;
        log_error!(&error, consumer = name, service = %topic.service, topic = topic.name, "events not applied; will retry");
        backoff.pause(stop).await;
    }

    async fn read_batch(&self, after: &After) -> Result<EventBatch> {
        self.clients.of(self.topic.service)?.read_events(self.topic, after).await
    }

    /// Reads one batch and applies it.
    async fn apply_stored(&self, db: &Db, cursor: &EventCursor, handler: &impl EventHandler) -> Result<()> {
        let position = cursor.read_position().await?;
        let EventBatch { events, next } = match self.read_batch(&After::position(position, STORED_WAIT)).await
        {
            Err(error) if is_gap(&error) => return self.rebuild_stored(db, cursor, position, handler).await,
            batch => batch?,
        };
        if events.is_empty() && next < position.unwrap_or(0) + MAX_IDLE_DISTANCE {
            return Ok(());
        }
        handler.prepare(&events).await?;
        let tx = db.begin_behind().await?;
        // Another process of this service may have applied these events meanwhile.
        if cursor.lock_position(&tx).await? != position {
            return Ok(());
        }
        if !events.is_empty() {
            handler.apply(&tx, events).await?;
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
        tracing::warn!(topic = self.topic.name, service = %self.topic.service, position, "events were lost");
        let head = self.read_batch(&After::head()).await?.next;
        let resume = match handler.rebuild().await? {
            Resume::AtOldest => None,
            Resume::AtHead => Some(head),
        };
        let tx = db.begin_behind().await?;
        if cursor.lock_position(&tx).await? == position {
            cursor.store_position(&tx, resume).await?;
        }
        tx.commit().await
    }

    /// Rebuilds the view, then applies events until something goes wrong.
    async fn follow_in_memory(&self, handler: &impl ViewHandler, backoff: &mut Backoff) -> Result<()> {
        let mut position = self.read_batch(&After::head()).await?.next;
        handler.rebuild().await?;
        loop {
            let batch = self.read_batch(&After::position(Some(position), VIEW_WAIT)).await?;
            position = batch.next;
            backoff.reset();
            if !batch.events.is_empty() {
                handler.apply(batch.events).await?;
            }
        }
    }
}
