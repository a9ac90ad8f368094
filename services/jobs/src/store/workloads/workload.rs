//! Workloads: what the runtime should have, and how far it has been told.

use std::collections::BTreeMap;

use hearth_base::{Error, Result, ToolId};
use hearth_kit::db::{
    OrFault, Tx,
    columns::{count, number, read, read_json, write_json},
    update_each,
};
use hearth_runtime_api::WorkloadId;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Expr, ExprTrait, LockType},
};

use super::plan::{Plan, Share};
use crate::store::{JobId, Store, texts};

pub mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "workload")]
    pub struct Model {
        /// The id that the runtime knows it by.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub tool_id: String,
        pub job_id: String,
        /// It is to run; otherwise to stop, and then to be forgotten.
        pub wanted: bool,
        pub generation: i64,
        /// The generation that the runtime has been told.
        pub applied: Option<i64>,
        pub plan: Json,
        /// The runtime says that nothing of it runs or will run again.
        pub done: bool,
        /// What is in the way, for people.
        pub trouble: Option<String>,
        /// With which state of the variables the runtime has been told.
        pub envvars: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// What the runtime should have.
#[derive(Debug, Clone)]
pub struct Workload {
    pub id: WorkloadId,
    pub tool: ToolId,
    pub job: JobId,
    pub wanted: bool,
    pub generation: u64,
    pub applied: Option<u64>,
    pub plan: Plan,
    pub done: bool,
    pub trouble: Option<String>,
    /// With which state of the variables the runtime has been told.
    pub envvars: Option<String>,
}

/// A workload that there is, and what it is of: that never changes.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    pub id: WorkloadId,
    pub tool: ToolId,
    pub job: JobId,
}

/// What a workload takes of what its tool may use.
#[derive(Debug, Clone, Copy)]
pub struct Taken {
    pub tool: ToolId,
    pub job: JobId,
    pub share: Share,
}

impl Workload {
    /// Something new that is to run.
    pub fn new(id: WorkloadId, tool: ToolId, job: JobId, generation: u64, plan: Plan) -> Self {
        let (wanted, applied, done, trouble, envvars) = (true, None, false, None, None);
        Self { id, tool, job, wanted, generation, applied, plan, done, trouble, envvars }
    }

    /// Whether the runtime has been told what is wanted now.
    pub fn is_told(&self) -> bool {
        self.applied == Some(self.generation)
    }
}

impl TryFrom<row::Model> for Workload {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { id, tool_id, job_id, wanted, generation, applied, plan, done, trouble, envvars } =
            row;
        Ok(Self {
            id: read("workload.id", &id)?,
            tool: read("workload.tool_id", &tool_id)?,
            job: read("workload.job_id", &job_id)?,
            wanted,
            generation: count(generation),
            applied: applied.map(count),
            plan: read_json("workload.plan", plan)?,
            done,
            trouble,
            envvars,
        })
    }
}

fn model(workload: &Workload) -> Result<row::ActiveModel> {
    let Workload { id: _, tool, job, wanted, generation, applied: _, plan, done: _, trouble: _, envvars: _ } =
        workload;
    Ok(row::ActiveModel {
        tool_id: Set(tool.to_string()),
        job_id: Set(job.to_string()),
        wanted: Set(*wanted),
        generation: Set(number(*generation)),
        plan: Set(write_json(plan)?),
        ..followed(workload)
    })
}

/// How far a workload has come, and what is in its way: nothing of what is wanted.
fn followed(workload: &Workload) -> row::ActiveModel {
    row::ActiveModel {
        id: Set(workload.id.to_string()),
        applied: Set(workload.applied.map(number)),
        done: Set(workload.done),
        trouble: Set(workload.trouble.clone()),
        envvars: Set(workload.envvars.clone()),
        ..Default::default()
    }
}

fn all(rows: Vec<row::Model>) -> Result<Vec<Workload>> {
    rows.into_iter().map(Workload::try_from).collect()
}

fn of(ids: impl IntoIterator<Item = WorkloadId>) -> Select<row::Entity> {
    row::Entity::find().filter(row::Column::Id.is_in(texts(ids)))
}

async fn taken(db: &impl ConnectionTrait, tools: impl IntoIterator<Item = ToolId>) -> Result<Vec<Taken>> {
    let rows: Vec<(String, String, serde_json::Value)> = row::Entity::find()
        .select_only()
        .columns([row::Column::ToolId, row::Column::JobId, row::Column::Plan])
        .filter(row::Column::ToolId.is_in(texts(tools)))
        .filter(row::Column::Wanted.eq(true))
        .filter(row::Column::Done.eq(false))
        .into_tuple()
        .all(db)
        .await
        .or_fault()?;
    let taken = |(tool, job, plan): (String, String, serde_json::Value)| {
        Ok(Taken {
            tool: read("workload.tool_id", &tool)?,
            job: read("workload.job_id", &job)?,
            share: read_json("workload.plan", plan)?,
        })
    };
    rows.into_iter().map(taken).collect()
}

impl Store {
    /// Adds workloads.
    pub async fn workloads_add(&self, tx: &Tx, workloads: impl IntoIterator<Item = &Workload>) -> Result<()> {
        let rows = workloads.into_iter().map(model).collect::<Result<Vec<_>>>()?;
        if rows.is_empty() {
            return Ok(());
        }
        row::Entity::insert_many(rows).exec_without_returning(&**tx).await.or_fault().map(|_| ())
    }

    /// Notes how far workloads have come, and what is in their way; not what is wanted of them.
    pub async fn workloads_followed(
        &self,
        tx: &Tx,
        workloads: impl IntoIterator<Item = &Workload>,
    ) -> Result<()> {
        update_each(tx, &workloads.into_iter().map(followed).collect::<Vec<_>>()).await
    }

    /// Changes a workload.
    pub async fn workload_save(&self, tx: &Tx, workload: &Workload) -> Result<()> {
        let model = model(workload)?;
        row::Entity::update(model).exec(&**tx).await.or_fault().map(|_| ())
    }

    /// Forgets workloads.
    pub async fn workloads_remove(&self, tx: &Tx, ids: &[WorkloadId]) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let these = row::Entity::delete_many().filter(row::Column::Id.is_in(texts(ids)));
        these.exec(&**tx).await.or_fault().map(drop)
    }

    /// One workload.
    pub async fn workload(&self, id: WorkloadId) -> Result<Option<Workload>> {
        let found = row::Entity::find_by_id(id.to_string()).one(self.db.reader()).await.or_fault()?;
        found.map(Workload::try_from).transpose()
    }

    /// Those of these workloads that there are.
    pub async fn workloads_by_id(&self, ids: impl IntoIterator<Item = WorkloadId>) -> Result<Vec<Workload>> {
        all(of(ids).all(self.db.reader()).await.or_fault()?)
    }

    /// Locks workloads, always in the same order.
    pub async fn workloads_locked(
        &self,
        tx: &Tx,
        ids: impl IntoIterator<Item = WorkloadId>,
    ) -> Result<BTreeMap<WorkloadId, Workload>> {
        let query = of(ids).order_by_asc(row::Column::Id).lock(LockType::Update);
        Ok(all(query.all(&**tx).await.or_fault()?)?.into_iter().map(|known| (known.id, known)).collect())
    }

    /// Locks the workloads of jobs, always in the same order.
    pub async fn workloads_of_locked(
        &self,
        tx: &Tx,
        jobs: impl IntoIterator<Item = JobId>,
    ) -> Result<Vec<Workload>> {
        let jobs = texts(jobs);
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let query = row::Entity::find().filter(row::Column::JobId.is_in(jobs));
        all(query.order_by_asc(row::Column::Id).lock(LockType::Update).all(&**tx).await.or_fault()?)
    }

    /// Those of these workloads that there are, and what they are of.
    pub async fn workloads_known(&self, ids: impl IntoIterator<Item = WorkloadId>) -> Result<Vec<Known>> {
        let rows: Vec<(String, String, String)> = of(ids)
            .select_only()
            .columns([row::Column::Id, row::Column::ToolId, row::Column::JobId])
            .into_tuple()
            .all(self.db.reader())
            .await
            .or_fault()?;
        let known = |(id, tool, job): (String, String, String)| {
            Ok(Known {
                id: read("workload.id", &id)?,
                tool: read("workload.tool_id", &tool)?,
                job: read("workload.job_id", &job)?,
            })
        };
        rows.into_iter().map(known).collect()
    }

    /// One workload, as a change sees it.
    pub async fn workload_in(&self, tx: &Tx, id: WorkloadId) -> Result<Option<Workload>> {
        let query = row::Entity::find_by_id(id.to_string()).lock(LockType::Update);
        query.one(&**tx).await.or_fault()?.map(Workload::try_from).transpose()
    }

    /// A tool's workloads.
    pub async fn workloads(&self, tool: ToolId) -> Result<Vec<Workload>> {
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
        all(query.order_by_asc(row::Column::Id).all(self.db.reader()).await.or_fault()?)
    }

    /// A tool's workloads, or one job's of them, as a change sees them.
    pub async fn workloads_in(&self, tx: &Tx, tool: ToolId, job: Option<JobId>) -> Result<Vec<Workload>> {
        let mut query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
        if let Some(job) = job {
            query = query.filter(row::Column::JobId.eq(job.to_string()));
        }
        let query = query.order_by_asc(row::Column::Id).lock(LockType::Update);
        all(query.all(&**tx).await.or_fault()?)
    }

    /// What all takes that is to run of a tool and is not over.
    pub async fn taken(&self, tool: ToolId) -> Result<Vec<Taken>> {
        taken(self.db.reader(), [tool]).await
    }

    /// The same of several tools, as a change sees it, without a lock.
    pub async fn taken_in(&self, tx: &Tx, tools: impl IntoIterator<Item = ToolId>) -> Result<Vec<Taken>> {
        taken(&**tx, tools).await
    }

    /// Ids of all workloads of which the runtime has been told something.
    pub async fn workloads_told(&self) -> Result<Vec<WorkloadId>> {
        self.workload_ids(row::Column::Applied.is_not_null()).await
    }

    /// Ids of all workloads of which the runtime is to be told something, or that are over.
    pub async fn workloads_open(&self) -> Result<Vec<WorkloadId>> {
        let untold = row::Column::Applied.is_null().or(row::Column::Done.eq(true));
        self.workload_ids(untold.or(Expr::col(row::Column::Applied).ne(Expr::col(row::Column::Generation))))
            .await
    }

    async fn workload_ids(&self, which: Expr) -> Result<Vec<WorkloadId>> {
        let ids: Vec<String> = row::Entity::find()
            .select_only()
            .column(row::Column::Id)
            .filter(which)
            .into_tuple()
            .all(self.db.reader())
            .await
            .or_fault()?;
        ids.iter().map(|id| read("workload.id", id)).collect()
    }
}
