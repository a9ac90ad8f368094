//! The table of deployments.

use hearth_base::{Error, MandateId, Page, PageCursor, PageLimit, Result, ToolId};
use hearth_kit::db::{OrDbError, Tx};
use hearth_wire::components::{DeploymentId, DeploymentState};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Expr, LockType},
};

use super::{ComponentsStore, DeploymentContent, content_form::StoredContent, deployment_topic, tool_topic};

mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "deployment")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub tool_id: String,
        /// The tool's id while this is the tool's active deployment. The column is unique: a tool has at most
        /// one.
        pub active_tool_id: Option<String>,
        /// True after the end of the deployment.
        pub has_ended: bool,
        pub deleted: bool,
        /// The number of changes, for optimistic locking: a write fails if the version is not the one that
        /// was read.
        pub version: i64,
        pub content: Json,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A deployment.
#[derive(Debug, Clone)]
pub struct Deployment {
    pub id: DeploymentId,
    pub tool: ToolId,
    /// True if it is the tool's active deployment.
    pub active: bool,
    pub deleted: bool,
    pub version: i64,
    pub content: DeploymentContent,
}

impl std::ops::Deref for Deployment {
    type Target = DeploymentContent;

    fn deref(&self) -> &DeploymentContent {
        &self.content
    }
}

impl std::ops::DerefMut for Deployment {
    fn deref_mut(&mut self) -> &mut DeploymentContent {
        &mut self.content
    }
}

impl TryFrom<row::Model> for Deployment {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { id, tool_id, active_tool_id, has_ended: _, deleted, version, content } = row;
        let invalid = |_| Error::internal("deployment row has an invalid id");
        Ok(Self {
            id: id.parse().map_err(invalid)?,
            tool: tool_id.parse().map_err(invalid)?,
            active: active_tool_id.is_some(),
            deleted,
            version,
            content: serde_json::from_value::<StoredContent>(content).map_err(Error::internal)?.into(),
        })
    }
}

impl Deployment {
    /// Returns the mandate that the steps act with.
    pub fn require_mandate(&self) -> Result<MandateId> {
        self.mandate.ok_or_else(|| Error::internal("deployment has no mandate"))
    }

    fn to_row(&self, version: i64) -> Result<row::ActiveModel> {
        Ok(row::ActiveModel {
            id: Set(self.id.to_string()),
            tool_id: Set(self.tool.to_string()),
            active_tool_id: Set(self.active.then(|| self.tool.to_string())),
            has_ended: Set(self.ended.is_some()),
            deleted: Set(self.deleted),
            version: Set(version),
            content: Set(
                serde_json::to_value(StoredContent::from(self.content.clone())).map_err(Error::internal)?
            ),
        })
    }
}

/// Selects a tool's deployments that have not ended and are not active: they are queued or being cancelled.
fn select_inactive(tool: ToolId) -> Select<row::Entity> {
    row::Entity::find()
        .filter(row::Column::ToolId.eq(tool.to_string()))
        .filter(row::Column::HasEnded.eq(false))
        .filter(row::Column::ActiveToolId.is_null())
}

fn filter_by_state(rows: Vec<row::Model>, state: DeploymentState) -> Result<Vec<Deployment>> {
    let all: Vec<Deployment> = rows.into_iter().map(Deployment::try_from).collect::<Result<_>>()?;
    Ok(all.into_iter().filter(|one| one.state == state).collect())
}

impl ComponentsStore {
    /// Inserts a deployment. Returns a conflict if it is active and the tool has another active deployment.
    pub async fn insert_deployment(&self, tx: &Tx, deployment: &Deployment) -> Result<()> {
        let taken = || build_active_conflict();
        let row = deployment.to_row(deployment.version)?;
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_unique_violation(taken).map(|_| ())
    }

    /// Saves a deployment. Returns a conflict if another writer has changed it since it was read.
    pub async fn save_deployment(&self, tx: &Tx, deployment: &mut Deployment) -> Result<()> {
        tx.wake(deployment_topic(deployment.id));
        let next = deployment.version + 1;
        let updated = row::Entity::update_many()
            .set(deployment.to_row(next)?)
            .filter(row::Column::Id.eq(deployment.id.to_string()))
            .filter(row::Column::Version.eq(deployment.version))
            .exec(&**tx)
            .await
            .or_db_error()?;
        if updated.rows_affected == 0 {
            return Err(Error::conflict(DEPLOYMENT_CHANGED_CODE, "the deployment was changed meanwhile"));
        }
        deployment.version = next;
        Ok(())
    }

    /// Finds a deployment, including one that is marked as deleted.
    pub async fn find_deployment(&self, id: DeploymentId) -> Result<Option<Deployment>> {
        let found = row::Entity::find_by_id(id.to_string()).one(self.db.reader()).await.or_db_error()?;
        found.map(Deployment::try_from).transpose()
    }

    /// Locks a deployment until the transaction ends.
    pub async fn lock_deployment(&self, tx: &Tx, id: DeploymentId) -> Result<Option<Deployment>> {
        let query = row::Entity::find_by_id(id.to_string()).lock(LockType::Update);
        query.one(&**tx).await.or_db_error()?.map(Deployment::try_from).transpose()
    }

    /// Locks a tool's active deployment until the transaction ends.
    pub async fn lock_active_deployment(&self, tx: &Tx, tool: ToolId) -> Result<Option<Deployment>> {
        let query = row::Entity::find().filter(row::Column::ActiveToolId.eq(tool.to_string()));
        query.lock(LockType::Update).one(&**tx).await.or_db_error()?.map(Deployment::try_from).transpose()
    }

    /// Locks a tool's queued deployments, the oldest first, until the transaction ends.
    pub async fn lock_queued_deployments(&self, tx: &Tx, tool: ToolId) -> Result<Vec<Deployment>> {
        let query = select_inactive(tool).order_by_asc(row::Column::Id).lock(LockType::Update);
        filter_by_state(query.all(&**tx).await.or_db_error()?, DeploymentState::Pending)
    }

    /// Lists a tool's deployments of an environment that have not ended.
    pub async fn list_unfinished_deployments(
        &self,
        tool: ToolId,
        environment: &str,
    ) -> Result<Vec<Deployment>> {
        let rows = row::Entity::find()
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .filter(row::Column::HasEnded.eq(false))
            .all(self.db.reader())
            .await
            .or_db_error()?;
        let all: Vec<Deployment> = rows.into_iter().map(Deployment::try_from).collect::<Result<_>>()?;
        Ok(all.into_iter().filter(|one| one.environment.as_deref() == Some(environment)).collect())
    }

    /// True if a cancelled deployment of the tool is not rolled back yet.
    pub async fn has_cancelling_deployments(&self, tool: ToolId) -> Result<bool> {
        let rows = select_inactive(tool).all(self.db.reader()).await.or_db_error()?;
        Ok(!filter_by_state(rows, DeploymentState::Cancelling)?.is_empty())
    }

    /// Lists a tool's deployments, the newest first.
    pub async fn list_deployments(
        &self,
        tool: ToolId,
        limit: PageLimit,
        cursor: Option<&PageCursor>,
    ) -> Result<Page<Deployment>> {
        let mut query = row::Entity::find()
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .filter(row::Column::Deleted.eq(false))
            .order_by_desc(row::Column::Id);
        if let Some(cursor) = cursor {
            query = query.filter(row::Column::Id.lt(cursor.parse_key::<DeploymentId>()?.to_string()));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_db_error()?;
        let items = rows.into_iter().map(Deployment::try_from).collect::<Result<_>>()?;
        Ok(Page::from_items(items, limit, |deployment: &Deployment| deployment.id))
    }

    /// Deletes a deployment.
    pub async fn delete_deployment(&self, tx: &Tx, id: DeploymentId) -> Result<()> {
        row::Entity::delete_by_id(id.to_string()).exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Deletes the deployments of a tool.
    pub async fn delete_tool_deployments(&self, tx: &Tx, tool: ToolId) -> Result<()> {
        tx.wake(tool_topic(tool));
        let all = row::Entity::delete_many().filter(row::Column::ToolId.eq(tool.to_string()));
        all.exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Makes a queued deployment the tool's active one, without a check of its version.
    pub async fn activate_deployment(&self, tx: &Tx, deployment: &Deployment) -> Result<()> {
        row::Entity::update_many()
            .col_expr(row::Column::ActiveToolId, Expr::value(deployment.tool.to_string()))
            .filter(row::Column::Id.eq(deployment.id.to_string()))
            .exec(&**tx)
            .await
            .or_db_error()
            .map(|_| ())
    }
}

/// The code of the conflict with another writer.
pub const DEPLOYMENT_CHANGED_CODE: &str = "deployment-changed";

/// The code of the conflict with another active deployment.
pub const DEPLOYMENT_ACTIVE_CODE: &str = "deployment-active";

/// Builds the conflict with another active deployment.
pub fn build_active_conflict() -> Error {
    Error::conflict(DEPLOYMENT_ACTIVE_CODE, "another deployment of this tool is active")
        .help("wait for it, cancel it (hearth deployment cancel), or queue this one (hearth deploy --queue)")
}
