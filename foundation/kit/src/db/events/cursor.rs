//! Stored cursors: the positions up to which a service has consumed the topics of other services.

use hearth_base::Result;
use hearth_wire::events::TopicInfo;
use sea_orm::{
    ActiveValue::Set,
    DbErr, EntityTrait, QuerySelect,
    sea_query::{LockType, OnConflict},
};

use super::{
    super::{Db, OrDbError, Tx},
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

    fn build_key(&self) -> (String, String) {
        (self.consumer.to_owned(), self.source.clone())
    }

    /// The position of the last event that was applied; `None` before the first.
    pub async fn read_position(&self) -> Result<Option<i64>> {
        let found =
            event_cursor::Entity::find_by_id(self.build_key()).one(self.db.reader()).await.or_db_error()?;
        Ok(found.and_then(|row| row.position))
    }

    /// Locks the cursor until the transaction ends and reads its position. It must be the transaction's first lock.
    pub async fn lock_position(&self, tx: &Tx) -> Result<Option<i64>> {
        // A row is inserted first: without a row there is nothing to lock.
        let first = event_cursor::ActiveModel {
            consumer: Set(self.consumer.to_owned()),
            source: Set(self.source.clone()),
            position: Set(None),
        };
        let key = [event_cursor::Column::Consumer, event_cursor::Column::Source];
        let ignore_existing = OnConflict::columns(key).do_nothing_on(key).to_owned();
        match event_cursor::Entity::insert(first)
            .on_conflict(ignore_existing)
            .exec_without_returning(&**tx)
            .await
        {
            Ok(_) | Err(DbErr::RecordNotInserted) => {}
            Err(cause) => return Err(cause).or_db_error(),
        }
        let query = event_cursor::Entity::find_by_id(self.build_key()).lock(LockType::Update);
        Ok(query.one(&**tx).await.or_db_error()?.and_then(|row| row.position))
    }

    /// Stores the position, in the transaction that applies the events up to it.
    pub async fn store_position(&self, tx: &Tx, position: Option<i64>) -> Result<()> {
        let row = event_cursor::ActiveModel {
            consumer: Set(self.consumer.to_owned()),
            source: Set(self.source.clone()),
            position: Set(position),
        };
        event_cursor::Entity::update(row).exec(&**tx).await.or_db_error().map(|_| ())
    }
}
