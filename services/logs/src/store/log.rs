//! The table of logs: one for each job and build that has written lines.

use hearth_base::{Entropy, Error, Id, IdKind, Result, ToolId};
use hearth_kit::db::{OrDbError, Tx};
use hearth_wire::logs::internal::LogsOwner;
use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Select,
};

use super::LogsStore;

pub mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "log")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub tool_id: String,
        pub kind: String,
        pub name: String,
        /// The position after its last line.
        pub next: i64,
        /// The bytes of its chunks.
        pub bytes: i64,
        /// The number of its deleted lines.
        pub dropped: i64,
        /// The number of its loose chunks.
        pub loose_chunks: i32,
        /// The bytes of its loose chunks.
        pub loose_bytes: i64,
        /// The number of its containers.
        pub instances: i32,
        pub changed: DbTimestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The marker type of [`LogId`].
pub enum LogKind {}

impl IdKind for LogKind {
    const ID_PREFIX: &'static str = "log";
}

/// The id of a log.
pub type LogId = Id<LogKind>;

const JOB_KIND: &str = "job";

/// The job or build of a log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogSource {
    pub tool: ToolId,
    pub kind: &'static str,
    pub name: String,
}

impl LogSource {
    /// Builds the source of a tool's job or build.
    pub fn new(tool: ToolId, of: &LogsOwner) -> Self {
        match of {
            LogsOwner::Job(job) => Self { tool, kind: JOB_KIND, name: job.to_string() },
            LogsOwner::Build(build) => Self { tool, kind: "build", name: build.clone() },
        }
    }
}

/// A log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLog {
    pub id: LogId,
    pub tool: ToolId,
    /// The name of its job, or the id of its build.
    pub name: String,
    pub next: i64,
    pub bytes: i64,
    pub dropped: i64,
    pub loose_chunks: i32,
    pub loose_bytes: i64,
    pub instances: i32,
    pub changed: Timestamp,
}

impl TryFrom<row::Model> for StoredLog {
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
            loose_chunks,
            loose_bytes,
            instances,
            changed,
        } = row;
        let invalid = |_| Error::internal("log row has an invalid id");
        let (id, tool) = (id.parse().map_err(invalid)?, tool_id.parse().map_err(invalid)?);
        let changed = changed.into();
        Ok(Self { id, tool, name, next, bytes, dropped, loose_chunks, loose_bytes, instances, changed })
    }
}

fn select_log(source: &LogSource) -> Select<row::Entity> {
    row::Entity::find()
        .filter(row::Column::ToolId.eq(source.tool.to_string()))
        .filter(row::Column::Kind.eq(source.kind))
        .filter(row::Column::Name.eq(source.name.as_str()))
}

async fn read_log(query: Select<row::Entity>, db: &impl ConnectionTrait) -> Result<Option<StoredLog>> {
    query.one(db).await.or_db_error()?.map(StoredLog::try_from).transpose()
}

impl LogsStore {
    /// Finds a log.
    pub async fn find_log(&self, source: &LogSource) -> Result<Option<StoredLog>> {
        read_log(select_log(source), self.db.reader()).await
    }

    /// Lists the logs of a tool's jobs that have lines.
    pub async fn list_job_logs(&self, tool: ToolId) -> Result<Vec<StoredLog>> {
        let query = row::Entity::find()
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .filter(row::Column::Kind.eq(JOB_KIND))
            .filter(row::Column::Next.gt(0));
        query.all(self.db.reader()).await.or_db_error()?.into_iter().map(StoredLog::try_from).collect()
    }

    /// Finds or inserts a log, under its tool's lock.
    pub async fn find_or_create_log(
        &self,
        tx: &Tx,
        source: &LogSource,
        now: Timestamp,
        entropy: &Entropy,
    ) -> Result<StoredLog> {
        if let Some(log) = read_log(select_log(source), &**tx).await? {
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
            loose_chunks: 0,
            loose_bytes: 0,
            instances: 0,
            changed: now.into(),
        };
        let new = row::ActiveModel::from(row.clone()).reset_all();
        row::Entity::insert(new).exec_without_returning(&**tx).await.or_db_error()?;
        row.try_into()
    }

    /// Saves a log.
    pub async fn save_log(&self, tx: &Tx, log: &StoredLog) -> Result<()> {
        let StoredLog {
            id,
            tool: _,
            name: _,
            next,
            bytes,
            dropped,
            loose_chunks,
            loose_bytes,
            instances,
            changed,
        } = log;
        let row = row::ActiveModel {
            id: Set(id.to_string()),
            next: Set(*next),
            bytes: Set(*bytes),
            dropped: Set(*dropped),
            loose_chunks: Set(*loose_chunks),
            loose_bytes: Set(*loose_bytes),
            instances: Set(*instances),
            changed: Set((*changed).into()),
            ..Default::default()
        };
        row::Entity::update(row).exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Finds the largest log of a tool, under the tool's lock.
    pub async fn find_largest_log(&self, tx: &Tx, tool: ToolId) -> Result<Option<StoredLog>> {
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
        read_log(query.order_by_desc(row::Column::Bytes).limit(1), &**tx).await
    }

    /// Finds a log by its id, under its tool's lock.
    pub async fn find_log_by_id(&self, tx: &Tx, id: LogId) -> Result<Option<StoredLog>> {
        read_log(row::Entity::find_by_id(id.to_string()), &**tx).await
    }
}
