//! Table of builds.

use std::collections::BTreeMap;

use hearth_base::{BuildId, Digest, Error, Page, PageCursor, PageLimit, Result, ToolId, ToolName};
use hearth_kit::db::{DbTimestamp, OrDbError, Tx};
use hearth_wire::builds::{BuildFailure, BuildParameters, BuildStatus, BuildStep, internal::BuildInputs};
use jiff::{SignedDuration, Timestamp};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::LockType,
};

use super::{
    BuildStore, ImageRecord, build_topic,
    columns::{
        parse_column, parse_enum, parse_json, parse_optional_column, to_enum_text, to_json, to_optional_text,
    },
    outside_build::{choose_stored_status, read_status},
};

pub(super) mod row {
    use hearth_kit::db::DbTimestamp;
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
        pub created: DbTimestamp,
        pub started: Option<DbTimestamp>,
        pub ended: Option<DbTimestamp>,
        pub deadline: Option<DbTimestamp>,
        pub settled: bool,
        pub expected_seconds: Option<i64>,
        pub builder: Option<String>,
        pub failure: Option<Json>,
        pub inputs: Option<Json>,
        pub reused_build: Option<String>,
        pub outside_builder: Option<String>,
        pub image_record: Option<Json>,
        /// Null in rows of earlier releases.
        pub of_deployment: Option<bool>,
        /// Whether the build is of a preview, as its parameters say; null in rows of earlier releases.
        pub is_preview: Option<bool>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Statuses of an open build: one that has not ended.
const OPEN_STATUSES: [BuildStatus; 2] = [BuildStatus::BuildPending, BuildStatus::BuildRunning];

/// A build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    pub id: BuildId,
    pub tool: ToolId,
    /// Name of the tool when the build was started.
    pub tool_name: ToolName,
    pub status: BuildStatus,
    pub step: BuildStep,
    pub message: String,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    pub parameters: BuildParameters,
    /// Commit, or digest of an uploaded archive.
    pub resolved_ref: String,
    /// Ref that resolved to the commit.
    pub full_ref: Option<String>,
    /// Size of an uploaded archive, in bytes.
    pub source_size: u64,
    /// Image with its digest, once it has been built.
    pub destination_image: String,
    pub digest: Option<Digest>,
    pub processes: BTreeMap<String, String>,
    pub created: Timestamp,
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    pub deadline: Option<Timestamp>,
    /// True while no builder works on the build: before its first lease and after the last.
    pub settled: bool,
    /// Expected duration, from past builds of the tool or else of all tools.
    pub expected: Option<SignedDuration>,
    /// Id of the builder of the last lease.
    pub builder: Option<String>,
    /// Explanation of a failure.
    pub failure: Option<BuildFailure>,
    /// Inputs of its image besides source and parameters.
    pub inputs: Option<BuildInputs>,
    /// Build whose image is the result, because nothing has changed since then.
    pub reused_build: Option<BuildId>,
    /// Display name of the outside builder that has the build; `None`: a builder of this Hearth claims it.
    pub outside_builder: Option<String>,
    /// Facts about the image that it made.
    pub image_record: ImageRecord,
    /// True if a deployment requested the build: mail is about the deployment.
    pub of_deployment: bool,
}

impl Build {
    /// Returns true if the build has ended; its outcome is final.
    pub fn has_ended(&self) -> bool {
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
            expected_seconds,
            builder,
            failure,
            inputs,
            reused_build,
            outside_builder,
            image_record,
            of_deployment,
            is_preview: _,
        } = row;
        Ok(Self {
            id: parse_column("build.id", &id)?,
            tool: parse_column("build.tool_id", &tool_id)?,
            tool_name: parse_column("build.tool_name", &tool_name)?,
            status: read_status(
                parse_enum("build.status", status)?,
                started.is_some(),
                outside_builder.is_some(),
            ),
            step: parse_enum("build.step", step)?,
            message,
            attempt: u32::try_from(attempt).unwrap_or(1),
            parameters: parse_json("build.parameters", parameters)?,
            resolved_ref,
            full_ref,
            source_size: u64::try_from(source_size).unwrap_or(0),
            destination_image,
            digest: digest.map(|digest| parse_column("build.digest", &digest)).transpose()?,
            processes: parse_json("build.processes", processes)?,
            created: created.into(),
            started: started.map(Into::into),
            ended: ended.map(Into::into),
            deadline: deadline.map(Into::into),
            settled,
            expected: expected_seconds.map(SignedDuration::from_secs),
            builder,
            failure: failure.map(|failure| parse_json("build.failure", failure)).transpose()?,
            inputs: inputs.map(|inputs| parse_json("build.inputs", inputs)).transpose()?,
            reused_build: parse_optional_column("build.reused_build", reused_build.as_deref())?,
            outside_builder,
            image_record: image_record
                .map(|record| parse_json("build.image_record", record))
                .transpose()?
                .unwrap_or_default(),
            of_deployment: of_deployment.unwrap_or(false),
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
            expected,
            builder,
            failure,
            inputs,
            reused_build,
            outside_builder,
            image_record,
            of_deployment,
        } = build;
        Ok(Self {
            id: Set(id.to_string()),
            tool_id: Set(tool.to_string()),
            tool_name: Set(tool_name.to_string()),
            status: Set(to_enum_text(&choose_stored_status(*status, outside_builder.is_some()))?),
            step: Set(to_enum_text(step)?),
            message: Set(message.clone()),
            attempt: Set(i32::try_from(*attempt).unwrap_or(i32::MAX)),
            parameters: Set(to_json(parameters)?),
            resolved_ref: Set(resolved_ref.clone()),
            full_ref: Set(full_ref.clone()),
            source_size: Set(i64::try_from(*source_size).unwrap_or(i64::MAX)),
            destination_image: Set(destination_image.clone()),
            digest: Set(digest.map(|digest| digest.to_string())),
            processes: Set(to_json(processes)?),
            created: Set((*created).into()),
            started: Set(started.map(Into::into)),
            ended: Set(ended.map(Into::into)),
            deadline: Set(deadline.map(DbTimestamp::from)),
            settled: Set(*settled),
            expected_seconds: Set(expected.map(|expected| expected.as_secs())),
            builder: Set(builder.clone()),
            failure: Set(failure.as_ref().map(to_json).transpose()?),
            inputs: Set(inputs.as_ref().map(to_json).transpose()?),
            reused_build: Set(to_optional_text(reused_build.as_ref())),
            outside_builder: Set(outside_builder.clone()),
            image_record: Set(Some(to_json(image_record)?)),
            of_deployment: Set(Some(*of_deployment)),
            is_preview: Set(Some(parameters.preview.is_some())),
        })
    }
}

/// Builds the condition that a build is open.
pub(super) fn build_open_condition() -> Result<Condition> {
    let open = OPEN_STATUSES.iter().map(to_enum_text).collect::<Result<Vec<_>>>()?;
    let outside = Condition::all()
        .add(row::Column::Status.eq(to_enum_text(&BuildStatus::BuildUnknown)?))
        .add(row::Column::OutsideBuilder.is_not_null());
    Ok(Condition::any().add(row::Column::Status.is_in(open)).add(outside))
}

impl BuildStore {
    /// Finds a build of a tool.
    pub async fn find_build(&self, tool: ToolId, id: BuildId) -> Result<Build> {
        let query = row::Entity::find_by_id(id.to_string()).filter(row::Column::ToolId.eq(tool.to_string()));
        let found = query.one(self.db.reader()).await.or_db_error()?;
        found.ok_or_else(|| Error::not_found("build", id).help("hearth build list"))?.try_into()
    }

    /// Finds a build of any tool.
    pub async fn find_build_by_id(&self, id: BuildId) -> Result<Option<Build>> {
        let found = row::Entity::find_by_id(id.to_string()).one(self.db.reader()).await.or_db_error()?;
        found.map(Build::try_from).transpose()
    }

    /// Finds a build and locks its row.
    pub async fn lock_build(&self, tx: &Tx, id: BuildId) -> Result<Option<Build>> {
        let query = row::Entity::find_by_id(id.to_string()).lock(LockType::Update);
        query.one(&**tx).await.or_db_error()?.map(Build::try_from).transpose()
    }

    /// Inserts a build.
    pub async fn insert_build(&self, tx: &Tx, build: &Build) -> Result<()> {
        let row = row::ActiveModel::try_from(build)?;
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_db_error().map(|_| ())
    }

    /// Updates all columns of a build, and wakes the listeners of its topic.
    pub async fn update_build(&self, tx: &Tx, build: &Build) -> Result<()> {
        tx.wake(build_topic(build.id));
        let row = row::ActiveModel::try_from(build)?;
        row::Entity::update(row).exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Deletes a build. Returns true if it existed.
    pub async fn delete_build(&self, tx: &Tx, id: BuildId) -> Result<bool> {
        tx.wake(build_topic(id));
        let deleted = row::Entity::delete_by_id(id.to_string()).exec(&**tx).await.or_db_error()?;
        Ok(deleted.rows_affected > 0)
    }

    /// Lists the builds of a tool, newest first.
    pub async fn list_builds(
        &self,
        tool: ToolId,
        limit: PageLimit,
        cursor: Option<&PageCursor>,
    ) -> Result<Page<Build>> {
        let mut query = row::Entity::find()
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .order_by_desc(row::Column::Id);
        if let Some(cursor) = cursor {
            query = query.filter(row::Column::Id.lt(cursor.parse_key::<BuildId>()?.to_string()));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_db_error()?;
        let builds = rows.into_iter().map(Build::try_from).collect::<Result<_>>()?;
        Ok(Page::from_items(builds, limit, |build: &Build| build.id))
    }

    /// Counts a tool's open builds, as seen within the transaction.
    pub async fn count_open_builds(&self, tx: &Tx, tool: ToolId) -> Result<u64> {
        let query = row::Entity::find()
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .filter(build_open_condition()?);
        query.count(&**tx).await.or_db_error()
    }

    /// Counts a tool's open builds outside of a transaction.
    pub async fn read_open_build_count(&self, tool: ToolId) -> Result<u64> {
        let query = row::Entity::find()
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .filter(build_open_condition()?);
        query.count(self.db.reader()).await.or_db_error()
    }

    /// Finds and locks the tool's next build for a builder of this Hearth: one that a builder has begun, even if it has
    /// ended meanwhile, otherwise the oldest pending one.
    pub async fn lock_next_build(&self, tx: &Tx, tool: ToolId) -> Result<Option<Build>> {
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
        let query = query.filter(row::Column::OutsideBuilder.is_null());
        let query = query.filter(build_open_condition()?.add(row::Column::Settled.eq(false)));
        let query = query.order_by_asc(row::Column::Settled).order_by_asc(row::Column::Id);
        query.lock(LockType::Update).one(&**tx).await.or_db_error()?.map(Build::try_from).transpose()
    }

    /// Lists up to 100 ended builds without the newest `keep`.
    pub async fn list_old_builds(&self, tx: &Tx, tool: ToolId, keep: u64) -> Result<Vec<Build>> {
        let over = row::Entity::find()
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .filter(build_open_condition()?.not())
            .filter(row::Column::Settled.eq(true))
            .order_by_desc(row::Column::Id)
            .offset(keep)
            .limit(100);
        over.all(&**tx).await.or_db_error()?.into_iter().map(Build::try_from).collect()
    }

    /// Returns true if a builder still works on a build of a tool.
    pub async fn has_unsettled_builds(&self, tool: ToolId) -> Result<bool> {
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
        let query = query.filter(row::Column::Settled.eq(false));
        Ok(query.count(self.db.reader()).await.or_db_error()? > 0)
    }

    /// Finds and locks up to 1000 open builds of a tool.
    pub async fn lock_open_builds(&self, tx: &Tx, tool: ToolId) -> Result<Vec<Build>> {
        let query = row::Entity::find()
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .filter(build_open_condition()?);
        let rows = query.limit(1000).lock(LockType::Update).all(&**tx).await.or_db_error()?;
        rows.into_iter().map(Build::try_from).collect()
    }

    /// Deletes up to 100 builds of a tool. Returns their ids.
    pub async fn erase_builds(&self, tx: &Tx, tool: ToolId) -> Result<Vec<BuildId>> {
        let some = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string())).limit(100);
        let rows = some.all(&**tx).await.or_db_error()?;
        let ids: Vec<String> = rows.into_iter().map(|row| row.id).collect();
        row::Entity::delete_many()
            .filter(row::Column::Id.is_in(ids.clone()))
            .exec(&**tx)
            .await
            .or_db_error()?;
        let ids = ids.iter().map(|id| parse_column("build.id", id)).collect::<Result<Vec<BuildId>>>()?;
        ids.iter().for_each(|id| tx.wake(build_topic(*id)));
        Ok(ids)
    }
}
