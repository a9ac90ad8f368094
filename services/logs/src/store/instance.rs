//! Containers that have written to a log: what was heard of each.

use std::collections::BTreeMap;

use hearth_base::Result;
use hearth_kit::db::{At, OrFault, Tx};
use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter,
};

use super::{Log, Store, log::LogId};

pub mod row {
    use hearth_kit::db::At;
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
        /// The positions of its first line and of its last.
        pub first: i64,
        pub last: i64,
        /// The sequence of the line that it writes next.
        pub expected: i64,
        /// It has ended, and everything was heard of it.
        pub complete: bool,
        /// The hour in which it was last heard of.
        pub hour: At,
        /// How much it wrote in that hour.
        pub hour_bytes: i64,
        /// How many of its lines were dropped in that hour.
        pub hour_dropped: i64,
        pub changed: At,
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
    pub expected: i64,
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
            expected,
            complete,
            hour,
            hour_bytes,
            hour_dropped,
            changed: _,
        } = row;
        let hour = hour.into();
        Self { number, run, name, first, last, expected, complete, hour, hour_bytes, hour_dropped }
    }
}

impl Store {
    /// A container of a run, under its tool's lock, where the next line gets the position `next`; a container that
    /// is heard of for the first time gets the log's next number, which is written with the log.
    pub async fn instance_in(
        &self,
        tx: &Tx,
        log: &mut Log,
        next: i64,
        run: &str,
        name: &str,
    ) -> Result<Instance> {
        let query = row::Entity::find()
            .filter(row::Column::LogId.eq(log.id.to_string()))
            .filter(row::Column::Run.eq(run))
            .filter(row::Column::Name.eq(name));
        if let Some(row) = query.one(&**tx).await.or_fault()? {
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
            expected: 1,
            complete: false,
            hour: At::from(Timestamp::UNIX_EPOCH),
            hour_bytes: 0,
            hour_dropped: 0,
            changed: At::from(Timestamp::UNIX_EPOCH),
        };
        let new = row::ActiveModel::from(row.clone()).reset_all();
        row::Entity::insert(new).exec_without_returning(&**tx).await.or_fault()?;
        Ok(row.into())
    }

    /// Writes what was heard of a container.
    pub async fn instance_save(
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
            expected,
            complete,
            hour,
            hour_bytes,
            hour_dropped,
        } = instance;
        let row = row::ActiveModel {
            log_id: Set(log.to_string()),
            number: Set(*number),
            last: Set(*last),
            expected: Set(*expected),
            complete: Set(*complete),
            hour: Set((*hour).into()),
            hour_bytes: Set(*hour_bytes),
            hour_dropped: Set(*hour_dropped),
            changed: Set(now.into()),
            ..Default::default()
        };
        row::Entity::update(row).exec(&**tx).await.or_fault().map(|_| ())
    }

    /// The containers of these numbers.
    pub async fn instances(
        &self,
        log: LogId,
        numbers: impl IntoIterator<Item = i32>,
    ) -> Result<BTreeMap<i32, Instance>> {
        let query = row::Entity::find().filter(row::Column::LogId.eq(log.to_string()));
        let rows = query.filter(row::Column::Number.is_in(numbers)).all(self.db.reader()).await.or_fault()?;
        Ok(rows.into_iter().map(|row| (row.number, row.into())).collect())
    }

    /// The containers of a run.
    pub async fn instances_of_run(&self, log: LogId, run: &str) -> Result<Vec<Instance>> {
        let query = row::Entity::find().filter(row::Column::LogId.eq(log.to_string()));
        let rows = query.filter(row::Column::Run.eq(run)).all(self.db.reader()).await.or_fault()?;
        Ok(rows.into_iter().map(Instance::from).collect())
    }

    /// Whether every container of a log, of a run's if one is named, has ended; false when there is none.
    pub async fn instances_complete(&self, log: LogId, run: Option<&str>) -> Result<bool> {
        let mut query = row::Entity::find().filter(row::Column::LogId.eq(log.to_string()));
        if let Some(run) = run {
            query = query.filter(row::Column::Run.eq(run));
        }
        let open = query.clone().filter(row::Column::Complete.eq(false));
        let (all, open) = (query.count(self.db.reader()), open.count(self.db.reader()));
        Ok(all.await.or_fault()? > 0 && open.await.or_fault()? == 0)
    }

    /// Forgets containers that have ended and were last heard of before `then`, and those of which nothing was
    /// heard since `long_ago`.
    pub async fn instances_forget(&self, then: Timestamp, long_ago: Timestamp) -> Result<()> {
        let tx = self.begin().await?;
        let ended =
            Condition::all().add(row::Column::Complete.eq(true)).add(row::Column::Changed.lt(At::from(then)));
        let old = Condition::any().add(ended).add(row::Column::Changed.lt(At::from(long_ago)));
        row::Entity::delete_many().filter(old).exec(&*tx).await.or_fault()?;
        tx.commit().await
    }
}
