//! Passwords that were tried for a name, whether or not somebody has it.

use hearth_base::{Result, UserName};
use hearth_kit::db::{At, OrFault, Tx};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{LockType, OnConflict},
};

use super::Store;

pub mod row {
    use hearth_kit::db::At;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "guess")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub count: i32,
        pub last: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl Store {
    /// How many were tried for a name, and when the last one was. Others wait until this change is through,
    /// also for a name that was never tried before: its row is made first, so that there is one to wait for.
    pub async fn guesses_locked(&self, tx: &Tx, name: &UserName, now: Timestamp) -> Result<(u32, Timestamp)> {
        let first = row::ActiveModel { name: Set(name.to_string()), count: Set(0), last: Set(now.into()) };
        let known = OnConflict::column(row::Column::Name).do_nothing_on([row::Column::Name]).to_owned();
        match row::Entity::insert(first).on_conflict(known).exec_without_returning(&**tx).await {
            Ok(_) | Err(DbErr::RecordNotInserted) => {}
            Err(cause) => return Err(cause).or_fault(),
        }
        let query = row::Entity::find_by_id(name.as_str()).lock(LockType::Update);
        let found = query.one(&**tx).await.or_fault()?;
        Ok(found.map_or((0, now), |row| (row.count.unsigned_abs(), row.last.into())))
    }

    /// Writes how many were tried.
    pub async fn guesses_save(&self, tx: &Tx, name: &UserName, count: u32, last: Timestamp) -> Result<()> {
        let row = row::ActiveModel {
            name: Set(name.to_string()),
            count: Set(i32::try_from(count).unwrap_or(i32::MAX)),
            last: Set(last.into()),
        };
        row::Entity::update(row).exec(&**tx).await.or_fault().map(|_| ())
    }

    /// Forgets what was tried for a name: the right one was given.
    pub async fn guesses_forget(&self, tx: &Tx, name: &UserName) -> Result<()> {
        row::Entity::delete_by_id(name.as_str()).exec(&**tx).await.or_fault().map(|_| ())
    }

    /// Forgets what was last tried before `then`.
    pub async fn guesses_sweep(&self, tx: &Tx, then: Timestamp) -> Result<()> {
        let old = row::Entity::delete_many().filter(row::Column::Last.lt(At::from(then)));
        old.exec(&**tx).await.or_fault().map(|_| ())
    }
}
