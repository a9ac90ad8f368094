//! The event stream of a service, with a retention of thirty days.
//!
//! An event is inserted in the transaction of its effect, without a position. Positions are assigned after that
//! commit, under a lock of the stream's head. So a reader that has seen position N cannot miss an event with a
//! smaller position that is committed later.
//!
//! | state of an event | `position` |
//! |---|---|
//! | inserted, its transaction is open | null, not visible to readers |
//! | committed | null until the next read assigns one |
//! | readable | set, at most `event_head.position` |
//! | deleted | at most `event_head.deleted_until`: a reader before it gets the error `event-gap` |

use hearth_base::{Error, EventId, Result, ToolId};
use hearth_wire::events::{Event, EventBatch, EventsQuery, Notice, Topic, TopicInfo};
use jiff::{SignedDuration, Timestamp};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::LockType,
};
use serde_json::Value;

use super::{
    super::{
        Db, DbTimestamp, OrDbError, Tx, bulk_update_rows, columns,
        wake::{self, WakeReason},
    },
    tables::{event, event_head},
};
use crate::tasks::ShutdownSignal;

/// Code of the error for a reader whose next events were deleted.
pub(crate) const EVENT_GAP_CODE: &str = "event-gap";

/// Maximum number of events in a batch.
const MAX_EVENTS_PER_BATCH: u64 = 500;

/// An event to append.
#[derive(Debug, Clone)]
pub struct NewEvent {
    id: EventId,
    topic: &'static TopicInfo,
    event_type: &'static str,
    tool: Option<ToolId>,
    time: Timestamp,
    data: Value,
    notice: Option<Value>,
}

impl NewEvent {
    /// An event of the topic `T` that happened at `time`.
    pub fn new<T: Topic>(id: EventId, time: Timestamp, event: &T) -> Result<Self> {
        Ok(Self {
            id,
            topic: T::TOPIC_INFO,
            event_type: event.event_type(),
            tool: event.tool(),
            time,
            data: event.to_data()?,
            notice: None,
        })
    }

    /// Adds the text of the mail about the event; without a notice no mail is sent.
    pub fn with_notice(mut self, notice: Option<&Notice>) -> Result<Self> {
        self.notice = notice.map(serde_json::to_value).transpose().map_err(Error::internal)?;
        Ok(self)
    }
}

/// The event stream of one service.
#[derive(Debug, Clone)]
pub struct EventStream {
    db: Db,
    stop: ShutdownSignal,
}

impl EventStream {
    /// Retention of events.
    pub const EVENT_RETENTION: SignedDuration = SignedDuration::from_hours(24 * 30);

    /// The stream in `db`. Waiting readers return at shutdown.
    pub fn new(db: Db, stop: ShutdownSignal) -> Self {
        Self { db, stop }
    }

    /// Inserts events in this order. The commit of `transaction` wakes waiting readers.
    pub async fn append(&self, transaction: &Tx, events: impl IntoIterator<Item = NewEvent>) -> Result<()> {
        let written = |event: NewEvent| {
            transaction.wake(build_topic(event.topic));
            to_row(event)
        };
        let rows: Vec<event::ActiveModel> = events.into_iter().map(written).collect();
        if rows.is_empty() {
            return Ok(());
        }
        event::Entity::insert_many(rows)
            .exec_without_returning(&**transaction)
            .await
            .or_db_error()
            .map(|_| ())
    }

    /// Reads the position of the newest event.
    pub async fn read_head_position(&self) -> Result<i64> {
        self.assign_positions().await?;
        Ok(self.read_head().await?.position)
    }

    /// Reads a batch of events of a topic after a position; waits for the first one up to the time in `after`.
    /// Error `event-gap` (conflict) when events after the position were deleted.
    pub async fn read(&self, topic: &'static TopicInfo, after: &EventsQuery) -> Result<EventBatch> {
        let deadline = tokio::time::Instant::now() + after.wait_time();
        // The listener is created before the first read: it keeps a wake-up that comes between a read and the wait.
        let mut listener = self.db.listen([build_topic(topic)]);
        loop {
            let batch = self.read_now(topic, after.after).await?;
            let is_over = !batch.events.is_empty() || after.wait_time().is_zero();
            if is_over || listener.wait(deadline, &self.stop).await != WakeReason::Changed {
                return Ok(batch);
            }
        }
    }

    async fn read_now(&self, topic: &'static TopicInfo, after: Option<i64>) -> Result<EventBatch> {
        self.assign_positions().await?;
        // The head is read before the events: events that get a position in between are read by the next call.
        let head = self.read_head().await?;
        // A position beyond the head is from before a restore of this database.
        let is_lost = |after| after < head.deleted_until || (after > head.position && after != i64::MAX);
        if after.is_some_and(is_lost) {
            return Err(Error::conflict(EVENT_GAP_CODE, "the events after this position have been deleted")
                .help("read the whole state again, then continue from the head"));
        }
        let rows = event::Entity::find()
            .filter(event::Column::Position.gt(after.unwrap_or(0)))
            .filter(event::Column::Position.lte(head.position))
            .filter(event::Column::Topic.eq(topic.name))
            .order_by_asc(event::Column::Position)
            .limit(MAX_EVENTS_PER_BATCH)
            .all(self.db.reader())
            .await
            .or_db_error()?;
        let is_full = rows.len() as u64 >= MAX_EVENTS_PER_BATCH;
        // A batch that is not full has seen everything up to the head, so the reader continues there: otherwise a quiet
        // topic would keep an old position until its events are deleted.
        let last = rows.last().and_then(|row| row.position).filter(|_| is_full);
        let events = rows.into_iter().map(|row| read_event(topic, row)).collect::<Result<_>>()?;
        Ok(EventBatch { events, next: last.unwrap_or(head.position) })
    }

    async fn read_head(&self) -> Result<event_head::Model> {
        let head = event_head::Entity::find_by_id(0).one(self.db.reader()).await.or_db_error()?;
        head.ok_or_else(build_missing_head_error)
    }

    /// Assigns positions to committed events, in the order in which they were inserted.
    async fn assign_positions(&self) -> Result<()> {
        let without_position = |limit| {
            let query = event::Entity::find().filter(event::Column::Position.is_null());
            query.order_by_asc(event::Column::Sequence).limit(limit)
        };
        // Most reads find nothing to assign and take no lock.
        if without_position(1).one(self.db.reader()).await.or_db_error()?.is_none() {
            return Ok(());
        }
        let transaction = self.db.begin_background().await?;
        // The lock on the head serializes all assignments. The rows are read again under it: another reader may have
        // assigned them in the meantime.
        let mut position = lock_head(&transaction).await?.position;
        let number = |row: event::Model| {
            position += 1;
            event::ActiveModel {
                sequence: Set(row.sequence),
                position: Set(Some(position)),
                ..Default::default()
            }
        };
        let rows = without_position(MAX_EVENTS_PER_BATCH).all(&*transaction).await.or_db_error()?;
        bulk_update_rows(&transaction, &rows.into_iter().map(number).collect::<Vec<_>>()).await?;
        let head = event_head::ActiveModel { id: Set(0), position: Set(position), ..Default::default() };
        event_head::Entity::update(head).exec(&*transaction).await.or_db_error()?;
        transaction.commit().await
    }

    /// Deletes events older than [`EventStream::EVENT_RETENTION`], in the order of positions: an old event after a newer
    /// one is kept until that one is deleted. Returns the number of deleted events.
    pub async fn delete_old_events(&self, transaction: &Tx, now: Timestamp) -> Result<u64> {
        let oldest = now.saturating_sub(Self::EVENT_RETENTION).unwrap_or(now);
        let head = lock_head(transaction).await?;
        let first_kept = event::Entity::find()
            .filter(event::Column::HappenedAt.gte(DbTimestamp::from(oldest)))
            .filter(event::Column::Position.is_not_null())
            .order_by_asc(event::Column::Position)
            .one(&**transaction)
            .await
            .or_db_error()?;
        let first_kept = first_kept.and_then(|row| row.position);
        let deleted_until = first_kept.map_or(head.position, |first| first - 1);
        if deleted_until <= head.deleted_until {
            return Ok(0);
        }
        let old = event::Entity::delete_many().filter(event::Column::Position.lte(deleted_until));
        let deleted = old.exec(&**transaction).await.or_db_error()?.rows_affected;
        let head =
            event_head::ActiveModel { id: Set(0), deleted_until: Set(deleted_until), ..Default::default() };
        event_head::Entity::update(head).exec(&**transaction).await.or_db_error()?;
        Ok(deleted)
    }
}

/// The wake-up topic for events that are appended to a topic.
fn build_topic(topic: &TopicInfo) -> wake::WakeTopic {
    wake::WakeTopic::with_key("events", topic.name)
}

async fn lock_head(transaction: &Tx) -> Result<event_head::Model> {
    let head =
        event_head::Entity::find_by_id(0).lock(LockType::Update).one(&**transaction).await.or_db_error()?;
    head.ok_or_else(build_missing_head_error)
}

fn build_missing_head_error() -> Error {
    Error::internal("the event stream has no head row")
}

fn to_row(event: NewEvent) -> event::ActiveModel {
    let NewEvent { id, topic, event_type, tool, time, data, notice } = event;
    event::ActiveModel {
        sequence: NotSet,
        id: Set(id.to_string()),
        position: NotSet,
        topic: Set(topic.name.to_owned()),
        event_type: Set(event_type.to_owned()),
        tool_id: Set(columns::to_optional_text(tool.as_ref())),
        happened_at: Set(time.into()),
        data: Set(data),
        notice: Set(notice),
    }
}

fn read_event(topic: &TopicInfo, row: event::Model) -> Result<Event> {
    let event::Model { sequence: _, id, position, topic: _, event_type, tool_id, happened_at, data, notice } =
        row;
    Ok(Event {
        position: position.unwrap_or(0),
        id: columns::parse_column("event.id", &id)?,
        service: topic.service,
        event_type,
        tool: columns::parse_optional_column("event.tool_id", tool_id.as_deref())?,
        time: happened_at.into(),
        data,
        notice,
    })
}
