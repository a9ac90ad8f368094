//! Deployments.

use hearth_base::{BuildId, Cursor, Error, JobName, Limit, MandateId, Page, Result, ToolId};
use hearth_kit::db::{OrFault, Tx};
use hearth_wire::{
    components::{DeploySource, DeploymentId, DeploymentState, Step},
    jobs::JobCreate,
};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Expr, LockType},
};
use serde::{Deserialize, Serialize};

use super::{Store, deployment_topic, tool_topic};

mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "deployment")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub tool_id: String,
        /// The tool's id while this is the tool's active deployment: there is one at a time.
        pub place: Option<String>,
        /// Whether nothing more happens to it.
        pub over: bool,
        pub deleted: bool,
        /// Counts the changes: whoever writes has seen the one before.
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
    /// Whether it is the tool's active one.
    pub active: bool,
    pub deleted: bool,
    pub version: i64,
    pub content: Content,
}

impl std::ops::Deref for Deployment {
    type Target = Content;

    fn deref(&self) -> &Content {
        &self.content
    }
}

impl std::ops::DerefMut for Deployment {
    fn deref_mut(&mut self) -> &mut Content {
        &mut self.content
    }
}

/// What is kept of a deployment as one document: written by this release, read by the next.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Content {
    pub created: Timestamp,
    pub ended: Option<Timestamp>,
    pub by: String,
    pub description: String,
    pub source: DeploySource,
    pub component: JobName,
    pub command: Option<String>,
    pub port: u16,
    pub publish: bool,
    pub force_build: bool,
    pub force_run: bool,
    pub mandate: Option<MandateId>,
    pub state: DeploymentState,
    pub said: String,
    pub steps: Vec<Step>,
    /// Why it ends, once that is known: what it did is taken back before it is over.
    pub failure: Option<Failure>,
    pub revision: Option<u32>,
    pub still_running: Option<u32>,
    pub progress: Progress,
}

/// Why a deployment ends without a revision.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Failure {
    pub state: DeploymentState,
    pub code: String,
    pub said: String,
    pub help: Option<String>,
}

/// What the steps have found and done.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// Whether a build may have been asked for already.
    pub asked: bool,
    pub build: Option<BuildId>,
    pub resolved_ref: String,
    /// The image: as it was found, then in full with its digest.
    pub image: String,
    /// The command that the job is given.
    pub command: String,
    /// What the job was before.
    pub before: Option<Before>,
    /// The job's definition that is waited for.
    pub generation: Option<u64>,
    /// When the job was changed, and until when what is new must answer.
    pub changed: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

/// What the job was before a deployment changed it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Before {
    /// There was none.
    Nothing,
    /// This.
    Job(Box<JobCreate>),
}

impl TryFrom<row::Model> for Deployment {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { id, tool_id, place, over: _, deleted, version, content } = row;
        let strange = |_| Error::internal("a deployment that was never written");
        Ok(Self {
            id: id.parse().map_err(strange)?,
            tool: tool_id.parse().map_err(strange)?,
            active: place.is_some(),
            deleted,
            version,
            content: serde_json::from_value(content).map_err(Error::internal)?,
        })
    }
}

impl Deployment {
    fn row(&self, version: i64) -> Result<row::ActiveModel> {
        Ok(row::ActiveModel {
            id: Set(self.id.to_string()),
            tool_id: Set(self.tool.to_string()),
            place: Set(self.active.then(|| self.tool.to_string())),
            over: Set(self.ended.is_some()),
            deleted: Set(self.deleted),
            version: Set(version),
            content: Set(serde_json::to_value(&self.content).map_err(Error::internal)?),
        })
    }
}

/// A tool's deployments that are not over and have not its place: they wait for it, or have lost it.
fn without_place(tool: ToolId) -> Select<row::Entity> {
    row::Entity::find()
        .filter(row::Column::ToolId.eq(tool.to_string()))
        .filter(row::Column::Over.eq(false))
        .filter(row::Column::Place.is_null())
}

fn with_state(rows: Vec<row::Model>, state: DeploymentState) -> Result<Vec<Deployment>> {
    let all: Vec<Deployment> = rows.into_iter().map(Deployment::try_from).collect::<Result<_>>()?;
    Ok(all.into_iter().filter(|one| one.state == state).collect())
}

impl Store {
    /// Adds a deployment. When the tool's place is somebody else's by now, that is a conflict.
    pub async fn deployment_add(&self, tx: &Tx, deployment: &Deployment) -> Result<()> {
        let taken = || busy();
        let row = deployment.row(deployment.version)?;
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_taken(taken).map(|_| ())
    }

    /// Writes a deployment back; refused when somebody else has changed it since it was read.
    pub async fn deployment_save(&self, tx: &Tx, deployment: &mut Deployment) -> Result<()> {
        tx.wake(deployment_topic(deployment.id));
        let next = deployment.version + 1;
        let updated = row::Entity::update_many()
            .set(deployment.row(next)?)
            .filter(row::Column::Id.eq(deployment.id.to_string()))
            .filter(row::Column::Version.eq(deployment.version))
            .exec(&**tx)
            .await
            .or_fault()?;
        if updated.rows_affected == 0 {
            return Err(Error::conflict(CHANGED, "this deployment has just been changed"));
        }
        deployment.version = next;
        Ok(())
    }

    /// A deployment, also one that was deleted.
    pub async fn deployment(&self, id: DeploymentId) -> Result<Option<Deployment>> {
        let found = row::Entity::find_by_id(id.to_string()).one(self.db.reader()).await.or_fault()?;
        found.map(Deployment::try_from).transpose()
    }

    /// A deployment, to be changed: others wait until this change is through.
    pub async fn deployment_locked(&self, tx: &Tx, id: DeploymentId) -> Result<Option<Deployment>> {
        let query = row::Entity::find_by_id(id.to_string()).lock(LockType::Update);
        query.one(&**tx).await.or_fault()?.map(Deployment::try_from).transpose()
    }

    /// A tool's active deployment, to be changed.
    pub async fn deployment_active(&self, tx: &Tx, tool: ToolId) -> Result<Option<Deployment>> {
        let query = row::Entity::find().filter(row::Column::Place.eq(tool.to_string()));
        query.lock(LockType::Update).one(&**tx).await.or_fault()?.map(Deployment::try_from).transpose()
    }

    /// A tool's deployments that wait for its place, the oldest first, to be changed.
    pub async fn deployment_queue(&self, tx: &Tx, tool: ToolId) -> Result<Vec<Deployment>> {
        let query = without_place(tool).order_by_asc(row::Column::Id).lock(LockType::Update);
        with_state(query.all(&**tx).await.or_fault()?, DeploymentState::Pending)
    }

    /// Whether deployments that had the tool's place are still being taken back.
    pub async fn deployment_cancelling(&self, tool: ToolId) -> Result<bool> {
        let rows = without_place(tool).all(self.db.reader()).await.or_fault()?;
        Ok(!with_state(rows, DeploymentState::Cancelling)?.is_empty())
    }

    /// A tool's deployments, the newest first.
    pub async fn deployments(
        &self,
        tool: ToolId,
        limit: Limit,
        cursor: Option<&Cursor>,
    ) -> Result<Page<Deployment>> {
        let mut query = row::Entity::find()
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .filter(row::Column::Deleted.eq(false))
            .order_by_desc(row::Column::Id);
        if let Some(cursor) = cursor {
            query = query.filter(row::Column::Id.lt(cursor.key::<DeploymentId>()?.to_string()));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_fault()?;
        let items = rows.into_iter().map(Deployment::try_from).collect::<Result<_>>()?;
        Ok(Page::cut(items, limit, |deployment: &Deployment| deployment.id))
    }

    /// Forgets a deployment.
    pub async fn deployment_forget(&self, tx: &Tx, id: DeploymentId) -> Result<()> {
        row::Entity::delete_by_id(id.to_string()).exec(&**tx).await.or_fault().map(|_| ())
    }

    /// Forgets those of a tool.
    pub async fn deployment_erase(&self, tx: &Tx, tool: ToolId) -> Result<()> {
        tx.wake(tool_topic(tool));
        let all = row::Entity::delete_many().filter(row::Column::ToolId.eq(tool.to_string()));
        all.exec(&**tx).await.or_fault().map(|_| ())
    }

    /// Gives a waiting deployment the tool's place, whatever else becomes of it meanwhile.
    pub async fn deployment_activate(&self, tx: &Tx, deployment: &Deployment) -> Result<()> {
        row::Entity::update_many()
            .col_expr(row::Column::Place, Expr::value(deployment.tool.to_string()))
            .filter(row::Column::Id.eq(deployment.id.to_string()))
            .exec(&**tx)
            .await
            .or_fault()
            .map(|_| ())
    }
}

/// The code of the refusal of a write that somebody else came before.
pub const CHANGED: &str = "deployment-changed";

/// The code of the refusal of a second active deployment.
pub const BUSY: &str = "deployment-active";

/// One deployment is active already.
pub fn busy() -> Error {
    Error::conflict(BUSY, "another deployment of this tool is active")
        .help("wait for it, cancel it, or queue this one: queue=true")
}
