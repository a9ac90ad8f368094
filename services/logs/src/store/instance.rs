//! The table of containers that have written to a log.

use std::collections::BTreeMap;

use hearth_base::Result;
use hearth_kit::db::{DbTimestamp, OrDbError, Tx};
use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter,
};

use super::{LogsStore, StoredLog, log::LogId};

pub mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "instance")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub log_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i32,
        pub run: String,
        pub name: String,
        /// The positions of its first and last line.
        pub first: i64,
        pub last: i64,
        /// The sequence of its next line.
        pub next_sequence: i64,
        /// True if it has ended and all its lines have arrived.
        pub complete: bool,
        /// The start of the hour in which its last lines arrived.
        pub hour: DbTimestamp,
        /// The bytes that it wrote in that hour.
        pub hour_bytes: i64,
        /// The number of its lines that were dropped in that hour.
        pub hour_dropped: i64,
        pub changed: DbTimestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A container that writes to a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    pub number: i32,
    pub run: String,
    pub name: String,
    pub first: i64,
    pub last: i64,
    pub next_sequence: i64,
    pub complete: bool,
    pub hour: Timestamp,
    pub hour_bytes: i64,
    pub hour_dropped: i64,
}

impl From<row::Model> for Instance {
    fn from(row: row::Model) -> Self {
        let row::Model {
            log_id: _,
            number,
            run,
            name,
            first,
            last,
            next_sequence,
            complete,
            hour,
            hour_bytes,
            hour_dropped,
            changed: _,
        } = row;
        let hour = hour.into();
        Self { number, run, name, first, last, next_sequence, complete, hour, hour_bytes, hour_dropped }
    }
}

impl LogsStore {
    /// Finds or inserts a container of a run, under its tool's lock. `next` is the position of the next line.
    /// A new container gets the log's next number; the caller saves the log.
    pub async fn find_or_create_instance(
        &self,
        tx: &Tx,
        log: &mut StoredLog,
        next: i64,
        run: &str,
        name: &str,
    ) -> Result<Instance> {
        let query = row::Entity::find()
            .filter(row::Column::LogId.eq(log.id.to_string()))
            .filter(row::Column::Run.eq(run))
            .filter(row::Column::Name.eq(name));
        if let Some(row) = query.one(&**tx).await.or_db_error()? {
            return Ok(row.into());
        }
        let number = log.instances;
        log.instances += 1;
        let row = row::Model {
            log_id: log.id.to_string(),
            number,
            run: run.to_owned(),
            name: name.to_owned(),
            first: next,
            last: next - 1,
            next_sequence: 1,
            complete: false,
            hour: DbTimestamp::from(Timestamp::UNIX_EPOCH),
            hour_bytes: 0,
            hour_dropped: 0,
            changed: DbTimestamp::from(Timestamp::UNIX_EPOCH),
        };
        let new = row::ActiveModel::from(row.clone()).reset_all();
        row::Entity::insert(new).exec_without_returning(&**tx).await.or_db_error()?;
        Ok(row.into())
    }

    /// Saves a container.
    pub async fn save_instance(
        &self,
        tx: &Tx,
        log: LogId,
        instance: &Instance,
        now: Timestamp,
    ) -> Result<()> {
        let Instance {
            number,
            run: _,
            name: _,
            first: _,
            last,
            next_sequence,
            complete,
            hour,
            hour_bytes,
            hour_dropped,
        } = instance;
        let row = row::ActiveModel {
            log_id: Set(log.to_string()),
            number: Set(*number),
            last: Set(*last),
            next_sequence: Set(*next_sequence),
            complete: Set(*complete),
            hour: Set((*hour).into()),
            hour_bytes: Set(*hour_bytes),
            hour_dropped: Set(*hour_dropped),
            changed: Set(now.into()),
            ..Default::default()
        };
        row::Entity::update(row).exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Lists the containers with these numbers.
    pub async fn list_instances(
        &self,
        log: LogId,
        numbers: impl IntoIterator<Item = i32>,
    ) -> Result<BTreeMap<i32, Instance>> {
        let query = row::Entity::find().filter(row::Column::LogId.eq(log.to_string()));
        let rows =
            query.filter(row::Column::Number.is_in(numbers)).all(self.db.reader()).await.or_db_error()?;
        Ok(rows.into_iter().map(|row| (row.number, row.into())).collect())
    }

    /// Lists the containers of a run.
    pub async fn list_instances_of_run(&self, log: LogId, run: &str) -> Result<Vec<Instance>> {
        let query = row::Entity::find().filter(row::Column::LogId.eq(log.to_string()));
        let rows = query.filter(row::Column::Run.eq(run)).all(self.db.reader()).await.or_db_error()?;
        Ok(rows.into_iter().map(Instance::from).collect())
    }

    /// True if the log, or the run in it, has containers and all of them have ended.
    pub async fn are_instances_complete(&self, log: LogId, run: Option<&str>) -> Result<bool> {
        let mut query = row::Entity::find().filter(row::Column::LogId.eq(log.to_string()));
        if let Some(run) = run {
            query = query.filter(row::Column::Run.eq(run));
        }
        let open = query.clone().filter(row::Column::Complete.eq(false));
        let (all, open) = (query.count(self.db.reader()), open.count(self.db.reader()));
        Ok(all.await.or_db_error()? > 0 && open.await.or_db_error()? == 0)
    }

    /// Deletes ended containers without lines since `then`, and all containers without lines since
    /// `long_ago`.
    pub async fn delete_old_instances(&self, then: Timestamp, long_ago: Timestamp) -> Result<()> {
        let tx = self.begin().await?;
        let ended = Condition::all()
            .add(row::Column::Complete.eq(true))
            .add(row::Column::Changed.lt(DbTimestamp::from(then)));
        let old = Condition::any().add(ended).add(row::Column::Changed.lt(DbTimestamp::from(long_ago)));
        row::Entity::delete_many().filter(old).exec(&*tx).await.or_db_error()?;
        tx.commit().await
    }
}
