//! The table of previews of merge requests. A row exists from the first accepted delivery of a merge request until its
//! preview is deleted.

use std::collections::BTreeSet;

use hearth_base::{Error, JobName, PreviewNumber, Result, ToolId};
use hearth_kit::db::{
    DbTimestamp, OrDbError, Tx,
    columns::{parse_column, parse_json, to_json},
};
use hearth_wire::components::{DeploymentId, RepositoryLinkId};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{LockType, OnConflict},
};
use serde::{Deserialize, Serialize};

use super::ComponentsStore;

/// The number of ended previews that are read at one time.
const ENDED_BATCH_SIZE: u64 = 100;

mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "preview")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tool_id: String,
        /// The number of the merge request.
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i64,
        pub link_id: String,
        pub expires_at: DbTimestamp,
        /// The time at which the merge request was closed; the preview is being deleted since then.
        pub closed_at: Option<DbTimestamp>,
        pub content: Json,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A preview of a merge request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPreview {
    pub tool: ToolId,
    /// The number of the merge request.
    pub number: PreviewNumber,
    /// The link whose delivery made it; the link may have been deleted since.
    pub link: RepositoryLinkId,
    /// The time at which its jobs are deleted, also without a delivery.
    pub expires_at: Timestamp,
    /// The time at which the merge request was closed.
    pub closed_at: Option<Timestamp>,
    pub content: PreviewContent,
}

/// The images that a preview keeps, stored as one JSON document. Later releases read it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewContent {
    /// The deployment that runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<PinnedDeployment>,
    /// Deployments that were replaced, whose images are still pinned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaced: Vec<PinnedDeployment>,
}

/// A deployment that pins images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedDeployment {
    pub deployment: DeploymentId,
    pub components: BTreeSet<JobName>,
}

impl StoredPreview {
    /// True if it counts towards the limit of the tool.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.closed_at.is_none() && self.expires_at > now
    }
}

impl TryFrom<row::Model> for StoredPreview {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { tool_id, number, link_id, expires_at, closed_at, content } = row;
        let number = u32::try_from(number).map_err(Error::internal)?;
        Ok(Self {
            tool: parse_column("preview.tool_id", &tool_id)?,
            number: PreviewNumber::new(number)?,
            link: parse_column("preview.link_id", &link_id)?,
            expires_at: expires_at.into(),
            closed_at: closed_at.map(Timestamp::from),
            content: parse_json("preview.content", content)?,
        })
    }
}

fn select_preview(tool: ToolId, number: PreviewNumber) -> Select<row::Entity> {
    row::Entity::find_by_id((tool.to_string(), i64::from(number.as_u32())))
}

impl ComponentsStore {
    /// Inserts or updates a preview.
    pub async fn save_preview(&self, tx: &Tx, preview: &StoredPreview) -> Result<()> {
        let StoredPreview { tool, number, link, expires_at, closed_at, content } = preview;
        let row = row::ActiveModel {
            tool_id: Set(tool.to_string()),
            number: Set(number.as_u32().into()),
            link_id: Set(link.to_string()),
            expires_at: Set(DbTimestamp::from(*expires_at)),
            closed_at: Set(closed_at.map(DbTimestamp::from)),
            content: Set(to_json(content)?),
        };
        let on_conflict = OnConflict::columns([row::Column::ToolId, row::Column::Number])
            .update_columns([
                row::Column::LinkId,
                row::Column::ExpiresAt,
                row::Column::ClosedAt,
                row::Column::Content,
            ])
            .to_owned();
        let insert = row::Entity::insert(row).on_conflict(on_conflict);
        insert.exec_without_returning(&**tx).await.or_db_error().map(|_| ())
    }

    /// Finds a preview.
    pub async fn find_preview(&self, tool: ToolId, number: PreviewNumber) -> Result<Option<StoredPreview>> {
        let found = select_preview(tool, number).one(self.db.reader()).await.or_db_error()?;
        found.map(StoredPreview::try_from).transpose()
    }

    /// Locks a preview until the transaction ends.
    pub async fn lock_preview(
        &self,
        tx: &Tx,
        tool: ToolId,
        number: PreviewNumber,
    ) -> Result<Option<StoredPreview>> {
        let found = select_preview(tool, number).lock(LockType::Update).one(&**tx).await.or_db_error()?;
        found.map(StoredPreview::try_from).transpose()
    }

    /// Counts the live previews of a tool that the transaction has locked.
    pub async fn count_live_previews(&self, tx: &Tx, tool: ToolId, now: Timestamp) -> Result<u64> {
        let live = row::Entity::find()
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .filter(row::Column::ClosedAt.is_null())
            .filter(row::Column::ExpiresAt.gt(DbTimestamp::from(now)));
        live.count(&**tx).await.or_db_error()
    }

    /// Lists the previews of a tool by number. Their number is limited.
    pub async fn list_previews(&self, tool: ToolId) -> Result<Vec<StoredPreview>> {
        let query = row::Entity::find()
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .order_by_asc(row::Column::Number);
        query.all(self.db.reader()).await.or_db_error()?.into_iter().map(StoredPreview::try_from).collect()
    }

    /// Lists up to [`ENDED_BATCH_SIZE`] previews whose time is over, the first that ended first.
    pub async fn list_expired_previews(&self, now: Timestamp) -> Result<Vec<StoredPreview>> {
        let query = row::Entity::find()
            .filter(row::Column::ExpiresAt.lte(DbTimestamp::from(now)))
            .order_by_asc(row::Column::ExpiresAt)
            .limit(ENDED_BATCH_SIZE);
        query.all(self.db.reader()).await.or_db_error()?.into_iter().map(StoredPreview::try_from).collect()
    }

    /// Deletes a preview.
    pub async fn delete_preview(&self, tx: &Tx, tool: ToolId, number: PreviewNumber) -> Result<()> {
        row::Entity::delete_by_id((tool.to_string(), i64::from(number.as_u32())))
            .exec(&**tx)
            .await
            .or_db_error()
            .map(|_| ())
    }

    /// Deletes the previews of a tool.
    pub async fn delete_tool_previews(&self, tx: &Tx, tool: ToolId) -> Result<()> {
        let all = row::Entity::delete_many().filter(row::Column::ToolId.eq(tool.to_string()));
        all.exec(&**tx).await.or_db_error().map(|_| ())
    }
}
