//! Table of counted attempts: failed sign-ins by name, address and device, and mailed codes by user.

use hearth_base::Result;
use hearth_kit::db::{DbTimestamp, OrDbError, Tx};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{LockType, OnConflict},
};

use super::AccountStore;

pub mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "attempt_counter")]
    pub struct Model {
        /// The subject of the attempts, as `name:alice` or `address:192.0.2.7`.
        #[sea_orm(primary_key, auto_increment = false)]
        pub counter: String,
        pub attempts: i32,
        pub last_attempt_at: DbTimestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl AccountStore {
    /// Returns the attempts of a counter and the time of the last one, and locks the row. The row is inserted
    /// first, so that there is one to lock for a new counter too. Several counters are locked in the order of
    /// their names, so that two transactions cannot wait for each other.
    pub async fn lock_attempts(&self, tx: &Tx, counter: &str, now: Timestamp) -> Result<(u32, Timestamp)> {
        let first = row::ActiveModel {
            counter: Set(counter.to_owned()),
            attempts: Set(0),
            last_attempt_at: Set(now.into()),
        };
        let keep = OnConflict::column(row::Column::Counter).do_nothing_on([row::Column::Counter]).to_owned();
        match row::Entity::insert(first).on_conflict(keep).exec_without_returning(&**tx).await {
            Ok(_) | Err(DbErr::RecordNotInserted) => {}
            Err(cause) => return Err(cause).or_db_error(),
        }
        let query = row::Entity::find_by_id(counter).lock(LockType::Update);
        let found = query.one(&**tx).await.or_db_error()?;
        Ok(found.map_or((0, now), |row| (row.attempts.unsigned_abs(), row.last_attempt_at.into())))
    }

    /// Updates the attempts of a counter that the transaction has locked.
    pub async fn update_attempts(
        &self,
        tx: &Tx,
        counter: &str,
        attempts: u32,
        last: Timestamp,
    ) -> Result<()> {
        let row = row::ActiveModel {
            counter: Set(counter.to_owned()),
            attempts: Set(i32::try_from(attempts).unwrap_or(i32::MAX)),
            last_attempt_at: Set(last.into()),
        };
        row::Entity::update(row).exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Deletes a counter.
    pub async fn delete_attempts(&self, tx: &Tx, counter: &str) -> Result<()> {
        row::Entity::delete_by_id(counter).exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Deletes counters whose last attempt was before `before`.
    pub async fn delete_expired_attempts(&self, tx: &Tx, before: Timestamp) -> Result<()> {
        let old = row::Entity::delete_many().filter(row::Column::LastAttemptAt.lt(DbTimestamp::from(before)));
        old.exec(&**tx).await.or_db_error().map(|_| ())
    }
}
