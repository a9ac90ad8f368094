//! Logs: one for each job and build that has written something.

use hearth_base::{Entropy, Error, Id, IdKind, Result, ToolId};
use hearth_kit::db::{OrFault, Tx};
use hearth_wire::logs::internal::LogsOf;
use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Select,
};

use super::Store;

pub mod row {
    use hearth_kit::db::At;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "log")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub tool_id: String,
        pub kind: String,
        pub name: String,
        /// The position behind its last line.
        pub next: i64,
        /// How much its chunks take.
        pub bytes: i64,
        /// How many lines were kept once and are not any more.
        pub dropped: i64,
        /// How many loose chunks it has.
        pub loose: i32,
        /// How much they take.
        pub loose_bytes: i64,
        /// How many containers have written it.
        pub instances: i32,
        pub changed: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The marker behind [`LogId`].
pub enum LogKind {}

impl IdKind for LogKind {
    const PREFIX: &'static str = "log";
}

/// The id of a log.
pub type LogId = Id<LogKind>;

const JOB: &str = "job";

/// Whose log it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    pub tool: ToolId,
    pub kind: &'static str,
    pub name: String,
}

impl Source {
    /// The log of a tool's job or build.
    pub fn new(tool: ToolId, of: &LogsOf) -> Self {
        match of {
            LogsOf::Job(job) => Self { tool, kind: JOB, name: job.to_string() },
            LogsOf::Build(build) => Self { tool, kind: "build", name: build.clone() },
        }
    }
}

/// A log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    pub id: LogId,
    pub tool: ToolId,
    /// The name of its job, or the id of its build.
    pub name: String,
    pub next: i64,
    pub bytes: i64,
    pub dropped: i64,
    pub loose: i32,
    pub loose_bytes: i64,
    pub instances: i32,
    pub changed: Timestamp,
}

impl TryFrom<row::Model> for Log {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model {
            id,
            tool_id,
            kind: _,
            name,
            next,
            bytes,
            dropped,
            loose,
            loose_bytes,
            instances,
            changed,
        } = row;
        let wrong = |_| Error::internal("log holds an id that it never was given");
        let (id, tool) = (id.parse().map_err(wrong)?, tool_id.parse().map_err(wrong)?);
        let changed = changed.into();
        Ok(Self { id, tool, name, next, bytes, dropped, loose, loose_bytes, instances, changed })
    }
}

fn of(source: &Source) -> Select<row::Entity> {
    row::Entity::find()
        .filter(row::Column::ToolId.eq(source.tool.to_string()))
        .filter(row::Column::Kind.eq(source.kind))
        .filter(row::Column::Name.eq(source.name.as_str()))
}

async fn one(query: Select<row::Entity>, db: &impl ConnectionTrait) -> Result<Option<Log>> {
    query.one(db).await.or_fault()?.map(Log::try_from).transpose()
}

impl Store {
    /// A log, if anything was written to it.
    pub async fn log(&self, source: &Source) -> Result<Option<Log>> {
        one(of(source), self.db.reader()).await
    }

    /// The logs of a tool's jobs to which something was written.
    pub async fn logs_of_jobs(&self, tool: ToolId) -> Result<Vec<Log>> {
        let query = row::Entity::find()
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .filter(row::Column::Kind.eq(JOB))
            .filter(row::Column::Next.gt(0));
        query.all(self.db.reader()).await.or_fault()?.into_iter().map(Log::try_from).collect()
    }

    /// A log, under its tool's lock; it is made when it is written to first.
    pub async fn log_in(&self, tx: &Tx, source: &Source, now: Timestamp, entropy: &Entropy) -> Result<Log> {
        if let Some(log) = one(of(source), &**tx).await? {
            return Ok(log);
        }
        let row = row::Model {
            id: LogId::new(now, entropy).to_string(),
            tool_id: source.tool.to_string(),
            kind: source.kind.to_owned(),
            name: source.name.clone(),
            next: 0,
            bytes: 0,
            dropped: 0,
            loose: 0,
            loose_bytes: 0,
            instances: 0,
            changed: now.into(),
        };
        let new = row::ActiveModel::from(row.clone()).reset_all();
        row::Entity::insert(new).exec_without_returning(&**tx).await.or_fault()?;
        row.try_into()
    }

    /// Writes what has changed of a log.
    pub async fn log_save(&self, tx: &Tx, log: &Log) -> Result<()> {
        let Log { id, tool: _, name: _, next, bytes, dropped, loose, loose_bytes, instances, changed } = log;
        let row = row::ActiveModel {
            id: Set(id.to_string()),
            next: Set(*next),
            bytes: Set(*bytes),
            dropped: Set(*dropped),
            loose: Set(*loose),
            loose_bytes: Set(*loose_bytes),
            instances: Set(*instances),
            changed: Set((*changed).into()),
            ..Default::default()
        };
        row::Entity::update(row).exec(&**tx).await.or_fault().map(|_| ())
    }

    /// The log of a tool that takes most, under the tool's lock.
    pub async fn log_largest(&self, tx: &Tx, tool: ToolId) -> Result<Option<Log>> {
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
        one(query.order_by_desc(row::Column::Bytes).limit(1), &**tx).await
    }

    /// A log by its id, under its tool's lock.
    pub async fn log_by_id(&self, tx: &Tx, id: LogId) -> Result<Option<Log>> {
        one(row::Entity::find_by_id(id.to_string()), &**tx).await
    }
}
