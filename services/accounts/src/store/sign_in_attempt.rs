//! Table of failed sign-in attempts by name, whether or not an account has the name.

use hearth_base::{Result, UserName};
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
    #[sea_orm(table_name = "sign_in_attempt")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub count: i32,
        pub last_attempt: DbTimestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl AccountStore {
    /// Returns the attempts for a name and the time of the last one, and locks the row. The row is inserted
    /// first, so that there is one to lock for a new name too.
    pub async fn lock_attempts(&self, tx: &Tx, name: &UserName, now: Timestamp) -> Result<(u32, Timestamp)> {
        let first =
            row::ActiveModel { name: Set(name.to_string()), count: Set(0), last_attempt: Set(now.into()) };
        let update = OnConflict::column(row::Column::Name).do_nothing_on([row::Column::Name]).to_owned();
        match row::Entity::insert(first).on_conflict(update).exec_without_returning(&**tx).await {
            Ok(_) | Err(DbErr::RecordNotInserted) => {}
            Err(cause) => return Err(cause).or_db_error(),
        }
        let query = row::Entity::find_by_id(name.as_str()).lock(LockType::Update);
        let found = query.one(&**tx).await.or_db_error()?;
        Ok(found.map_or((0, now), |row| (row.count.unsigned_abs(), row.last_attempt.into())))
    }

    /// Updates the attempts for a name.
    pub async fn update_attempts(&self, tx: &Tx, name: &UserName, count: u32, last: Timestamp) -> Result<()> {
        let row = row::ActiveModel {
            name: Set(name.to_string()),
            count: Set(i32::try_from(count).unwrap_or(i32::MAX)),
            last_attempt: Set(last.into()),
        };
        row::Entity::update(row).exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Deletes the attempts for a name after a successful sign-in.
    pub async fn delete_attempts(&self, tx: &Tx, name: &UserName) -> Result<()> {
        row::Entity::delete_by_id(name.as_str()).exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Deletes attempts whose last one was before `then`.
    pub async fn delete_expired_attempts(&self, tx: &Tx, then: Timestamp) -> Result<()> {
        let old = row::Entity::delete_many().filter(row::Column::LastAttempt.lt(DbTimestamp::from(then)));
        old.exec(&**tx).await.or_db_error().map(|_| ())
    }
}
