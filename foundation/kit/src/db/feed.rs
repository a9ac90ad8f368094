//! Feeds: what happened in a service, in an order that never changes, kept for thirty days.
//!
//! An event is written in the transaction of what it tells of, without a position. Positions are given after
//! that commit, under the lock of the feed's head, so that a reader who has seen position N can never miss a
//! smaller one that was committed late.

use std::time::Duration;

use crate::db::{
    MigrationName, MigrationTrait, SchemaManager,
    schema::{big_integer, big_integer_null, big_pk_auto, integer, json, string},
};
use hearth_base::{Error, EventId, Result};
use hearth_wire::feed::{Event, Events};
use jiff::{SignedDuration, Timestamp};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{LockType, Query, Table},
};
use serde::Serialize;

use super::{
    At, Db, OrFault, Tx, update_each,
    wake::{Topic, WakeReason},
};
use crate::tasks::Stop;

mod event {
    use super::super::At;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "feed_event")]
    pub struct Model {
        /// Grows with each event: of two about the same thing the later has the higher.
        #[sea_orm(primary_key)]
        pub written: i64,
        pub id: String,
        pub position: Option<i64>,
        pub at: At,
        pub content: Json,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod head {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "feed_head")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub position: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The feed of one service.
#[derive(Debug, Clone)]
pub struct Feed {
    db: Db,
    stop: Stop,
}

impl Feed {
    /// How long events are kept.
    pub const KEPT_DAYS: i64 = 30;
    /// The most events in one part.
    const PART: u64 = 500;

    /// The feed in `db`. Nobody waits for news any more when it is time to `stop`.
    pub fn new(db: Db, stop: Stop) -> Self {
        Self { db, stop }
    }

    /// Writes an event into `transaction`, whose commit wakes the waiting readers. `content` is
    /// written as an object with `kind` and `data`.
    pub async fn append(
        &self,
        transaction: &Tx,
        id: EventId,
        at: Timestamp,
        content: &impl Serialize,
    ) -> Result<()> {
        self.append_all(transaction, at, [(id, content)]).await
    }

    /// Writes events into `transaction`, in this order.
    pub async fn append_all(
        &self,
        transaction: &Tx,
        at: Timestamp,
        events: impl IntoIterator<Item = (EventId, impl Serialize)>,
    ) -> Result<()> {
        let row = |(id, content): (EventId, _)| {
            Ok(event::ActiveModel {
                written: NotSet,
                id: Set(id.to_string()),
                position: NotSet,
                at: Set(at.into()),
                content: Set(serde_json::to_value(content).map_err(Error::internal)?),
            })
        };
        let rows = events.into_iter().map(row).collect::<Result<Vec<_>>>()?;
        if rows.is_empty() {
            return Ok(());
        }
        transaction.wake(topic());
        event::Entity::insert_many(rows).exec_without_returning(&**transaction).await.or_fault().map(|_| ())
    }

    /// The events after a position (`None`: from the oldest kept), waiting up to `patience` for the first.
    pub async fn after(&self, position: Option<i64>, patience: Duration) -> Result<Events> {
        let deadline = tokio::time::Instant::now() + patience;
        let mut listener = self.db.listen([topic()]);
        loop {
            let events = self.read(position).await?;
            if !events.events.is_empty() || listener.wait(deadline, &self.stop).await != WakeReason::Changed {
                return Ok(events);
            }
        }
    }

    async fn read(&self, position: Option<i64>) -> Result<Events> {
        self.give_positions().await?;
        let db = self.db.reader();
        let head = head::Entity::find_by_id(0).one(db).await.or_fault()?.map_or(0, |head| head.position);
        let rows = event::Entity::find()
            .filter(event::Column::Position.gt(position.unwrap_or(0)))
            .order_by_asc(event::Column::Position)
            .limit(Self::PART)
            .all(db)
            .await
            .or_fault()?;
        if let (Some(position), Some(first)) = (position, rows.first())
            && first.position.is_some_and(|first| first > position + 1)
        {
            return Err(Error::conflict("feed-gap", "the events after this position are no longer kept")
                .help("read the whole state anew, then go on from the head"));
        }
        Ok(Events { events: rows.into_iter().map(event).collect::<Result<_>>()?, head })
    }

    /// Gives committed events their positions, in the order in which they were written.
    async fn give_positions(&self) -> Result<()> {
        let waiting = |limit| {
            let query = event::Entity::find().filter(event::Column::Position.is_null());
            query.order_by_asc(event::Column::Written).limit(limit)
        };
        if waiting(1).one(self.db.reader()).await.or_fault()?.is_none() {
            return Ok(());
        }
        let transaction = self.db.begin_behind().await?;
        let head = head::Entity::find_by_id(0).lock(LockType::Update).one(&*transaction).await.or_fault()?;
        let mut position = head.map_or(0, |head| head.position);
        let number = |row: event::Model| {
            position += 1;
            event::ActiveModel {
                written: Set(row.written),
                position: Set(Some(position)),
                ..Default::default()
            }
        };
        let rows = waiting(Self::PART).all(&*transaction).await.or_fault()?;
        update_each(&transaction, &rows.into_iter().map(number).collect::<Vec<_>>()).await?;
        let head = head::ActiveModel { id: Set(0), position: Set(position) };
        head::Entity::update(head).exec(&*transaction).await.or_fault()?;
        transaction.commit().await
    }

    /// Forgets events older than [`Feed::KEPT_DAYS`]. The newest one stays, so that gaps can be told.
    pub async fn trim(&self, transaction: &Tx, now: Timestamp) -> Result<u64> {
        let oldest = now.saturating_sub(SignedDuration::from_hours(24 * Self::KEPT_DAYS)).unwrap_or(now);
        let head = head::Entity::find_by_id(0).one(&**transaction).await.or_fault()?;
        let deleted = event::Entity::delete_many()
            .filter(event::Column::At.lt(At::from(oldest)))
            .filter(event::Column::Position.lt(head.map_or(0, |head| head.position)))
            .exec(&**transaction)
            .await
            .or_fault()?;
        Ok(deleted.rows_affected)
    }
}

/// Events were written.
fn topic() -> Topic {
    Topic::named("events")
}

fn event(row: event::Model) -> Result<Event> {
    let event::Model { written: _, id, position, at, mut content } = row;
    let kind = content.get("kind").and_then(|kind| kind.as_str()).unwrap_or_default().to_owned();
    let data = content.get_mut("data").map(serde_json::Value::take).unwrap_or_default();
    Ok(Event { position: position.unwrap_or(0), id: id.parse()?, at: at.into(), kind, data })
}

/// The feed's tables. Put it into the migrations of a service that has a feed.
pub struct CreateFeed;

impl MigrationName for CreateFeed {
    fn name(&self) -> &str {
        "kit_0001_feed"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateFeed {
    async fn up(&self, manager: &SchemaManager) -> std::result::Result<(), DbErr> {
        let events = Table::create()
            .table("feed_event")
            .col(big_pk_auto("written"))
            .col(string("id").unique_key())
            .col(big_integer_null("position").unique_key())
            .col(big_integer("at"))
            .col(json("content"))
            .to_owned();
        manager.create_table(events).await?;
        let heads = Table::create()
            .table("feed_head")
            .col(integer("id").primary_key())
            .col(big_integer("position"))
            .to_owned();
        manager.create_table(heads).await?;
        let start = Query::insert()
            .into_table("feed_head")
            .columns(["id", "position"])
            .values_panic([0.into(), 0_i64.into()])
            .to_owned();
        manager.execute(start).await
    }
}
