//! The events of this service, kept for thirty days.
//!
//! An event is written in the transaction of its effect, without a position. Positions are given after that commit,
//! under the lock of the stream's head, so that a reader who has seen position N can never miss a smaller one that was
//! committed late.

use hearth_base::{Error, EventId, Result, ToolId};
use hearth_wire::events::{After, Event, EventBatch, Notice, Topic, TopicInfo};
use jiff::{SignedDuration, Timestamp};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::LockType,
};
use serde_json::Value;

use super::{
    super::{
        At, Db, OrFault, Tx, columns, update_each,
        wake::{self, WakeReason},
    },
    tables::{event, event_head},
};
use crate::tasks::Stop;

/// The code of the error that a reader gets when events after its position are gone.
pub(crate) const EVENT_GAP_CODE: &str = "event-gap";

/// The most events of one batch.
const MAX_EVENTS_PER_BATCH: u64 = 500;

/// An event that is about to be appended.
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
    /// An event of a topic that happened at `time`.
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

    /// The same event with what a mail says about it, if it is worth one.
    pub fn with_notice(mut self, notice: Option<&Notice>) -> Result<Self> {
        self.notice = notice.map(serde_json::to_value).transpose().map_err(Error::internal)?;
        Ok(self)
    }
}

/// The stream of events of one service.
#[derive(Debug, Clone)]
pub struct Stream {
    db: Db,
    stop: Stop,
}

impl Stream {
    /// How long events are kept.
    pub const RETENTION: SignedDuration = SignedDuration::from_hours(24 * 30);

    /// The stream in `db`. No reader waits any longer when it is time to `stop`.
    pub fn new(db: Db, stop: Stop) -> Self {
        Self { db, stop }
    }

    /// Writes events into `transaction`, in this order. Its commit wakes the readers that wait.
    pub async fn append(&self, transaction: &Tx, events: impl IntoIterator<Item = NewEvent>) -> Result<()> {
        let written = |event: NewEvent| {
            transaction.wake(appended_to(event.topic));
            row(event)
        };
        let rows: Vec<event::ActiveModel> = events.into_iter().map(written).collect();
        if rows.is_empty() {
            return Ok(());
        }
        event::Entity::insert_many(rows).exec_without_returning(&**transaction).await.or_fault().map(|_| ())
    }

    /// The position of the newest event.
    pub async fn head(&self) -> Result<i64> {
        self.assign_positions().await?;
        Ok(self.read_head().await?.position)
    }

    /// Reads events of a topic after a position, waiting for the first as long as `after` says.
    pub async fn read(&self, topic: &'static TopicInfo, after: &After) -> Result<EventBatch> {
        let deadline = tokio::time::Instant::now() + after.wait_time();
        let mut listener = self.db.listen([appended_to(topic)]);
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
        // The head before the events: what is given a position meanwhile is read next time.
        let head = self.read_head().await?;
        // A position beyond the head is one of before this database was restored.
        let is_lost = |after| after < head.deleted_until || (after > head.position && after != i64::MAX);
        if after.is_some_and(is_lost) {
            return Err(Error::conflict(EVENT_GAP_CODE, "the events after this position are no longer kept")
                .help("read the whole state anew, then go on from the head"));
        }
        let rows = event::Entity::find()
            .filter(event::Column::Position.gt(after.unwrap_or(0)))
            .filter(event::Column::Position.lte(head.position))
            .filter(event::Column::Topic.eq(topic.name))
            .order_by_asc(event::Column::Position)
            .limit(MAX_EVENTS_PER_BATCH)
            .all(self.db.reader())
            .await
            .or_fault()?;
        let is_full = rows.len() as u64 >= MAX_EVENTS_PER_BATCH;
        let last = rows.last().and_then(|row| row.position).filter(|_| is_full);
        let events = rows.into_iter().map(|row| read_event(topic, row)).collect::<Result<_>>()?;
        Ok(EventBatch { events, next: last.unwrap_or(head.position) })
    }

    async fn read_head(&self) -> Result<event_head::Model> {
        let head = event_head::Entity::find_by_id(0).one(self.db.reader()).await.or_fault()?;
        head.ok_or_else(no_head)
    }

    /// Gives committed events their positions, in the order in which they were written.
    async fn assign_positions(&self) -> Result<()> {
        let without_position = |limit| {
            let query = event::Entity::find().filter(event::Column::Position.is_null());
            query.order_by_asc(event::Column::Sequence).limit(limit)
        };
        if without_position(1).one(self.db.reader()).await.or_fault()?.is_none() {
            return Ok(());
        }
        let transaction = self.db.begin_behind().await?;
        let mut position = lock_head(&transaction).await?.position;
        let number = |row: event::Model| {
            position += 1;
            event::ActiveModel {
                sequence: Set(row.sequence),
                position: Set(Some(position)),
                ..Default::default()
            }
        };
        let rows = without_position(MAX_EVENTS_PER_BATCH).all(&*transaction).await.or_fault()?;
        update_each(&transaction, &rows.into_iter().map(number).collect::<Vec<_>>()).await?;
        let head = event_head::ActiveModel { id: Set(0), position: Set(position), ..Default::default() };
        event_head::Entity::update(head).exec(&*transaction).await.or_fault()?;
        transaction.commit().await
    }

    /// Deletes events older than [`Stream::RETENTION`]. An old event behind a newer one stays until that one goes.
    pub async fn delete_old(&self, transaction: &Tx, now: Timestamp) -> Result<u64> {
        let oldest = now.saturating_sub(Self::RETENTION).unwrap_or(now);
        let head = lock_head(transaction).await?;
        let first_kept = event::Entity::find()
            .filter(event::Column::HappenedAt.gte(At::from(oldest)))
            .filter(event::Column::Position.is_not_null())
            .order_by_asc(event::Column::Position)
            .one(&**transaction)
            .await
            .or_fault()?;
        let first_kept = first_kept.and_then(|row| row.position);
        let deleted_until = first_kept.map_or(head.position, |first| first - 1);
        if deleted_until <= head.deleted_until {
            return Ok(0);
        }
        let old = event::Entity::delete_many().filter(event::Column::Position.lte(deleted_until));
        let deleted = old.exec(&**transaction).await.or_fault()?.rows_affected;
        let head =
            event_head::ActiveModel { id: Set(0), deleted_until: Set(deleted_until), ..Default::default() };
        event_head::Entity::update(head).exec(&**transaction).await.or_fault()?;
        Ok(deleted)
    }
}

/// Events of this topic were appended.
fn appended_to(topic: &TopicInfo) -> wake::Topic {
    wake::Topic::keyed("events", topic.name)
}

async fn lock_head(transaction: &Tx) -> Result<event_head::Model> {
    let head =
        event_head::Entity::find_by_id(0).lock(LockType::Update).one(&**transaction).await.or_fault()?;
    head.ok_or_else(no_head)
}

fn no_head() -> Error {
    Error::internal("the stream of events has no head")
}

fn row(event: NewEvent) -> event::ActiveModel {
    let NewEvent { id, topic, event_type, tool, time, data, notice } = event;
    event::ActiveModel {
        sequence: NotSet,
        id: Set(id.to_string()),
        position: NotSet,
        topic: Set(topic.name.to_owned()),
        event_type: Set(event_type.to_owned()),
        tool_id: Set(columns::write_some(tool.as_ref())),
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
        id: columns::read("event.id", &id)?,
        service: topic.service,
        event_type,
        tool: columns::read_some("event.tool_id", tool_id.as_deref())?,
        time: happened_at.into(),
        data,
        notice,
    })
}
