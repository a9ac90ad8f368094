//! How far a service has read the topics that it consumes, stored in its own database.

use hearth_base::Result;
use hearth_wire::events::TopicInfo;
use sea_orm::{
    ActiveValue::Set,
    DbErr, EntityTrait, QuerySelect,
    sea_query::{LockType, OnConflict},
};

use super::{
    super::{Db, OrFault, Tx},
    tables::event_cursor,
};

/// The stored cursor of one consumer on one topic.
#[derive(Debug, Clone)]
pub struct EventCursor {
    db: Db,
    consumer: &'static str,
    source: String,
}

impl EventCursor {
    /// The cursor of `consumer` on `topic` in `db`.
    pub fn new(db: Db, consumer: &'static str, topic: &TopicInfo) -> Self {
        Self { db, consumer, source: format!("{}/{}", topic.service, topic.name) }
    }

    fn key(&self) -> (String, String) {
        (self.consumer.to_owned(), self.source.clone())
    }

    /// The position of the last event that was applied; `None` before the first.
    pub async fn read_position(&self) -> Result<Option<i64>> {
        let found = event_cursor::Entity::find_by_id(self.key()).one(self.db.reader()).await.or_fault()?;
        Ok(found.and_then(|row| row.position))
    }

    /// The same in a transaction that moves the cursor: others wait until it is over. Lock it before anything else.
    pub async fn lock_position(&self, tx: &Tx) -> Result<Option<i64>> {
        // A row is made first, so that there is one to lock.
        let first = event_cursor::ActiveModel {
            consumer: Set(self.consumer.to_owned()),
            source: Set(self.source.clone()),
            position: Set(None),
        };
        let key = [event_cursor::Column::Consumer, event_cursor::Column::Source];
        let known = OnConflict::columns(key).do_nothing_on(key).to_owned();
        match event_cursor::Entity::insert(first).on_conflict(known).exec_without_returning(&**tx).await {
            Ok(_) | Err(DbErr::RecordNotInserted) => {}
            Err(cause) => return Err(cause).or_fault(),
        }
        let query = event_cursor::Entity::find_by_id(self.key()).lock(LockType::Update);
        Ok(query.one(&**tx).await.or_fault()?.and_then(|row| row.position))
    }

    /// Moves the cursor in the transaction that applies the events up to `position`.
    pub async fn store_position(&self, tx: &Tx, position: Option<i64>) -> Result<()> {
        let row = event_cursor::ActiveModel {
            consumer: Set(self.consumer.to_owned()),
            source: Set(self.source.clone()),
            position: Set(position),
        };
        event_cursor::Entity::update(row).exec(&**tx).await.or_fault().map(|_| ())
    }
}
