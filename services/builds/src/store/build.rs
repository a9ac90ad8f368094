//! Builds.

use std::collections::BTreeMap;

use hearth_base::{BuildId, Cursor, Digest, Error, Limit, Page, Result, ToolId, ToolName};
use hearth_kit::db::{At, OrFault, Tx};
use hearth_wire::builds::{BuildParameters, BuildStatus, BuildStep};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::LockType,
};

use super::{
    Store, build_topic,
    columns::{read, read_json, read_word, write_json, write_word},
};

mod row {
    use hearth_kit::db::At;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "build")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub tool_id: String,
        pub tool_name: String,
        pub status: String,
        pub step: String,
        pub message: String,
        pub attempt: i32,
        pub parameters: Json,
        pub resolved_ref: String,
        pub full_ref: Option<String>,
        pub source_size: i64,
        pub destination_image: String,
        pub digest: Option<String>,
        pub processes: Json,
        pub created: At,
        pub started: Option<At>,
        pub ended: Option<At>,
        pub deadline: Option<At>,
        pub settled: bool,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The statuses of a build that is not over.
const OPEN_STATUSES: [BuildStatus; 2] = [BuildStatus::BuildPending, BuildStatus::BuildRunning];

/// A build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    pub id: BuildId,
    pub tool: ToolId,
    /// The tool's name when the build was asked for.
    pub tool_name: ToolName,
    pub status: BuildStatus,
    pub step: BuildStep,
    pub message: String,
    /// Counts the attempts, from 1.
    pub attempt: u32,
    pub parameters: BuildParameters,
    /// The commit, or the digest of an uploaded archive.
    pub resolved_ref: String,
    /// The ref that led to the commit.
    pub full_ref: Option<String>,
    /// The size of an uploaded archive.
    pub source_size: u64,
    /// With its digest, once there is one.
    pub destination_image: String,
    pub digest: Option<Digest>,
    pub processes: BTreeMap<String, String>,
    pub created: Timestamp,
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    pub deadline: Option<Timestamp>,
    /// No builder has anything to do for it any more, or yet.
    pub settled: bool,
}

impl Build {
    /// Whether nothing will change any more.
    pub fn is_over(&self) -> bool {
        !OPEN_STATUSES.contains(&self.status)
    }
}

impl TryFrom<row::Model> for Build {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model {
            id,
            tool_id,
            tool_name,
            status,
            step,
            message,
            attempt,
            parameters,
            resolved_ref,
            full_ref,
            source_size,
            destination_image,
            digest,
            processes,
            created,
            started,
            ended,
            deadline,
            settled,
        } = row;
        Ok(Self {
            id: read("build.id", &id)?,
            tool: read("build.tool_id", &tool_id)?,
            tool_name: read("build.tool_name", &tool_name)?,
            status: read_word("build.status", status)?,
            step: read_word("build.step", step)?,
            message,
            attempt: u32::try_from(attempt).unwrap_or(1),
            parameters: read_json("build.parameters", parameters)?,
            resolved_ref,
            full_ref,
            source_size: u64::try_from(source_size).unwrap_or(0),
            destination_image,
            digest: digest.map(|digest| read("build.digest", &digest)).transpose()?,
            processes: read_json("build.processes", processes)?,
            created: created.into(),
            started: started.map(Into::into),
            ended: ended.map(Into::into),
            deadline: deadline.map(Into::into),
            settled,
        })
    }
}

impl TryFrom<&Build> for row::ActiveModel {
    type Error = Error;

    fn try_from(build: &Build) -> Result<Self> {
        let Build {
            id,
            tool,
            tool_name,
            status,
            step,
            message,
            attempt,
            parameters,
            resolved_ref,
            full_ref,
            source_size,
            destination_image,
            digest,
            processes,
            created,
            started,
            ended,
            deadline,
            settled,
        } = build;
        Ok(Self {
            id: Set(id.to_string()),
            tool_id: Set(tool.to_string()),
            tool_name: Set(tool_name.to_string()),
            status: Set(write_word(status)?),
            step: Set(write_word(step)?),
            message: Set(message.clone()),
            attempt: Set(i32::try_from(*attempt).unwrap_or(i32::MAX)),
            parameters: Set(write_json(parameters)?),
            resolved_ref: Set(resolved_ref.clone()),
            full_ref: Set(full_ref.clone()),
            source_size: Set(i64::try_from(*source_size).unwrap_or(i64::MAX)),
            destination_image: Set(destination_image.clone()),
            digest: Set(digest.map(|digest| digest.to_string())),
            processes: Set(write_json(processes)?),
            created: Set((*created).into()),
            started: Set(started.map(Into::into)),
            ended: Set(ended.map(Into::into)),
            deadline: Set(deadline.map(At::from)),
            settled: Set(*settled),
        })
    }
}

/// The condition that a build is not over.
fn is_open() -> Result<Condition> {
    let open = OPEN_STATUSES.iter().map(write_word).collect::<Result<Vec<_>>>()?;
    Ok(Condition::any().add(row::Column::Status.is_in(open)))
}

impl Store {
    /// A tool's build.
    pub async fn build(&self, tool: ToolId, id: BuildId) -> Result<Build> {
        let query = row::Entity::find_by_id(id.to_string()).filter(row::Column::ToolId.eq(tool.to_string()));
        let found = query.one(self.db.reader()).await.or_fault()?;
        found.ok_or_else(|| Error::not_found("build", id).help("hearth build list"))?.try_into()
    }

    /// Any tool's build.
    pub async fn build_by_id(&self, id: BuildId) -> Result<Option<Build>> {
        let found = row::Entity::find_by_id(id.to_string()).one(self.db.reader()).await.or_fault()?;
        found.map(Build::try_from).transpose()
    }

    /// A build, to be changed; others wait until this change is through.
    pub async fn build_locked(&self, tx: &Tx, id: BuildId) -> Result<Option<Build>> {
        let query = row::Entity::find_by_id(id.to_string()).lock(LockType::Update);
        query.one(&**tx).await.or_fault()?.map(Build::try_from).transpose()
    }

    /// Adds a build.
    pub async fn build_add(&self, tx: &Tx, build: &Build) -> Result<()> {
        let row = row::ActiveModel::try_from(build)?;
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_fault().map(|_| ())
    }

    /// Writes all of a build.
    pub async fn build_save(&self, tx: &Tx, build: &Build) -> Result<()> {
        tx.wake(build_topic(build.id));
        let row = row::ActiveModel::try_from(build)?;
        row::Entity::update(row).exec(&**tx).await.or_fault().map(|_| ())
    }

    /// Forgets a build. Whether it was there.
    pub async fn build_delete(&self, tx: &Tx, id: BuildId) -> Result<bool> {
        tx.wake(build_topic(id));
        let deleted = row::Entity::delete_by_id(id.to_string()).exec(&**tx).await.or_fault()?;
        Ok(deleted.rows_affected > 0)
    }

    /// A tool's builds, the newest first.
    pub async fn build_list(
        &self,
        tool: ToolId,
        limit: Limit,
        cursor: Option<&Cursor>,
    ) -> Result<Page<Build>> {
        let mut query = row::Entity::find()
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .order_by_desc(row::Column::Id);
        if let Some(cursor) = cursor {
            query = query.filter(row::Column::Id.lt(cursor.key::<BuildId>()?.to_string()));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_fault()?;
        let builds = rows.into_iter().map(Build::try_from).collect::<Result<_>>()?;
        Ok(Page::cut(builds, limit, |build: &Build| build.id))
    }

    /// How many of a tool's builds wait or run, as a change sees it.
    pub async fn build_count_open(&self, tx: &Tx, tool: ToolId) -> Result<u64> {
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string())).filter(is_open()?);
        query.count(&**tx).await.or_fault()
    }

    /// The same for whoever only looks.
    pub async fn build_count_open_now(&self, tool: ToolId) -> Result<u64> {
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string())).filter(is_open()?);
        query.count(self.db.reader()).await.or_fault()
    }

    /// The tool's build that is next: one that a builder has begun, be it over meanwhile, or else the oldest that
    /// waits.
    pub async fn build_next(&self, tx: &Tx, tool: ToolId) -> Result<Option<Build>> {
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
        let query = query.filter(is_open()?.add(row::Column::Settled.eq(false)));
        let query = query.order_by_asc(row::Column::Settled).order_by_asc(row::Column::Id);
        query.lock(LockType::Update).one(&**tx).await.or_fault()?.map(Build::try_from).transpose()
    }

    /// Builds that are over, the oldest first, without the newest `keep`: at most 100 of them.
    pub async fn build_old(&self, tx: &Tx, tool: ToolId, keep: u64) -> Result<Vec<Build>> {
        let over = row::Entity::find()
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .filter(is_open()?.not())
            .filter(row::Column::Settled.eq(true))
            .order_by_desc(row::Column::Id)
            .offset(keep)
            .limit(100);
        over.all(&**tx).await.or_fault()?.into_iter().map(Build::try_from).collect()
    }

    /// Whether a builder has something to do for a build of a tool.
    pub async fn build_unsettled(&self, tool: ToolId) -> Result<bool> {
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
        let query = query.filter(row::Column::Settled.eq(false));
        Ok(query.count(self.db.reader()).await.or_fault()? > 0)
    }

    /// A tool's builds that wait or run, at most 1000.
    pub async fn build_open(&self, tx: &Tx, tool: ToolId) -> Result<Vec<Build>> {
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string())).filter(is_open()?);
        let rows = query.limit(1000).lock(LockType::Update).all(&**tx).await.or_fault()?;
        rows.into_iter().map(Build::try_from).collect()
    }

    /// Forgets all builds of a tool. Those there were, at most 100 at a time.
    pub async fn build_erase(&self, tx: &Tx, tool: ToolId) -> Result<Vec<BuildId>> {
        let some = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string())).limit(100);
        let rows = some.all(&**tx).await.or_fault()?;
        let ids: Vec<String> = rows.into_iter().map(|row| row.id).collect();
        row::Entity::delete_many().filter(row::Column::Id.is_in(ids.clone())).exec(&**tx).await.or_fault()?;
        let ids = ids.iter().map(|id| read("build.id", id)).collect::<Result<Vec<BuildId>>>()?;
        ids.iter().for_each(|id| tx.wake(build_topic(*id)));
        Ok(ids)
    }
}
