//! Workloads: the desired state of the runtime, and the generation that it accepted.

use std::collections::BTreeMap;

use hearth_base::{Error, Result, ToolId};
use hearth_kit::db::{
    OrDbError, Tx, bulk_update_rows,
    columns::{parse_column, parse_json, to_i64, to_json, to_u64},
};
use hearth_runtime_api::WorkloadId;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Expr, ExprTrait, LockType},
};

use super::{
    credential::RunCredential,
    plan::{ResourceShare, WorkloadPlan},
};
use crate::store::{JobId, JobStore, to_id_strings};

pub mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "workload")]
    pub struct Model {
        /// Its id in the runtime.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub tool_id: String,
        pub job_id: String,
        /// True if it should run; false if it should stop and then be deleted.
        pub wanted: bool,
        pub generation: i64,
        /// The generation that the runtime accepted last.
        pub applied_generation: Option<i64>,
        pub plan: Json,
        /// True if the runtime reported that nothing of it runs or will run again.
        pub done: bool,
        /// Error of the last reconcile attempt, shown to maintainers.
        pub last_error: Option<String>,
        /// Revision of the variables in the accepted generation.
        pub envvars_revision: Option<String>,
        /// Id of the token in its containers.
        pub credential_id: Option<String>,
        pub credential_expires: Option<DbTimestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The desired state of one workload of the runtime.
#[derive(Debug, Clone)]
pub struct Workload {
    pub id: WorkloadId,
    pub tool: ToolId,
    pub job: JobId,
    pub wanted: bool,
    pub generation: u64,
    pub applied_generation: Option<u64>,
    pub plan: WorkloadPlan,
    pub done: bool,
    pub last_error: Option<String>,
    /// Revision of the variables in the accepted generation.
    pub envvars_revision: Option<String>,
    /// The token in its containers.
    pub credential: Option<RunCredential>,
}

/// An existing workload with its owner, which never changes.
#[derive(Debug, Clone, Copy)]
pub struct WorkloadRef {
    pub id: WorkloadId,
    pub tool: ToolId,
    pub job: JobId,
}

/// The part of a tool's quota that a workload uses.
#[derive(Debug, Clone, Copy)]
pub struct ReservedResources {
    pub tool: ToolId,
    pub job: JobId,
    pub share: ResourceShare,
}

impl Workload {
    /// A new workload that should run.
    pub fn new(id: WorkloadId, tool: ToolId, job: JobId, generation: u64, plan: WorkloadPlan) -> Self {
        let (wanted, applied_generation, done, last_error, envvars_revision, credential) =
            (true, None, false, None, None, None);
        Self {
            id,
            tool,
            job,
            wanted,
            generation,
            applied_generation,
            plan,
            done,
            last_error,
            envvars_revision,
            credential,
        }
    }

    /// Returns whether the runtime has accepted the current generation.
    pub fn is_applied(&self) -> bool {
        self.applied_generation == Some(self.generation)
    }
}

impl TryFrom<row::Model> for Workload {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model {
            id,
            tool_id,
            job_id,
            wanted,
            generation,
            applied_generation,
            plan,
            done,
            last_error,
            envvars_revision,
            credential_id,
            credential_expires,
        } = row;
        let credential = match credential_id.zip(credential_expires) {
            Some((id, expires)) => {
                let id = parse_column("workload.credential_id", &id)?;
                Some(RunCredential { id, expires: expires.into() })
            }
            None => None,
        };
        Ok(Self {
            id: parse_column("workload.id", &id)?,
            tool: parse_column("workload.tool_id", &tool_id)?,
            job: parse_column("workload.job_id", &job_id)?,
            wanted,
            generation: to_u64(generation),
            applied_generation: applied_generation.map(to_u64),
            plan: parse_json("workload.plan", plan)?,
            done,
            last_error,
            envvars_revision,
            credential,
        })
    }
}

fn to_row(workload: &Workload) -> Result<row::ActiveModel> {
    let Workload {
        id: _,
        tool,
        job,
        wanted,
        generation,
        applied_generation: _,
        plan,
        done: _,
        last_error: _,
        envvars_revision: _,
        credential: _,
    } = workload;
    Ok(row::ActiveModel {
        tool_id: Set(tool.to_string()),
        job_id: Set(job.to_string()),
        wanted: Set(*wanted),
        generation: Set(to_i64(*generation)),
        plan: Set(to_json(plan)?),
        ..to_progress_row(workload)
    })
}

/// Builds an update of a workload's progress and last error, without its desired state.
fn to_progress_row(workload: &Workload) -> row::ActiveModel {
    row::ActiveModel {
        id: Set(workload.id.to_string()),
        applied_generation: Set(workload.applied_generation.map(to_i64)),
        done: Set(workload.done),
        last_error: Set(workload.last_error.clone()),
        envvars_revision: Set(workload.envvars_revision.clone()),
        credential_id: Set(workload.credential.as_ref().map(|credential| credential.id.to_string())),
        credential_expires: Set(workload.credential.as_ref().map(|credential| credential.expires.into())),
        ..Default::default()
    }
}

pub(super) fn read_workloads(rows: Vec<row::Model>) -> Result<Vec<Workload>> {
    rows.into_iter().map(Workload::try_from).collect()
}

fn select_workloads(ids: impl IntoIterator<Item = WorkloadId>) -> Select<row::Entity> {
    row::Entity::find().filter(row::Column::Id.is_in(to_id_strings(ids)))
}

async fn read_reservations(
    db: &impl ConnectionTrait,
    tools: impl IntoIterator<Item = ToolId>,
) -> Result<Vec<ReservedResources>> {
    let rows: Vec<(String, String, serde_json::Value)> = row::Entity::find()
        .select_only()
        .columns([row::Column::ToolId, row::Column::JobId, row::Column::Plan])
        .filter(row::Column::ToolId.is_in(to_id_strings(tools)))
        .filter(row::Column::Wanted.eq(true))
        .filter(row::Column::Done.eq(false))
        .into_tuple()
        .all(db)
        .await
        .or_db_error()?;
    let reservation = |(tool, job, plan): (String, String, serde_json::Value)| {
        Ok(ReservedResources {
            tool: parse_column("workload.tool_id", &tool)?,
            job: parse_column("workload.job_id", &job)?,
            share: parse_json("workload.plan", plan)?,
        })
    };
    rows.into_iter().map(reservation).collect()
}

impl JobStore {
    /// Inserts workloads.
    pub async fn insert_workloads(
        &self,
        tx: &Tx,
        workloads: impl IntoIterator<Item = &Workload>,
    ) -> Result<()> {
        let rows = workloads.into_iter().map(to_row).collect::<Result<Vec<_>>>()?;
        if rows.is_empty() {
            return Ok(());
        }
        row::Entity::insert_many(rows).exec_without_returning(&**tx).await.or_db_error().map(|_| ())
    }

    /// Updates the progress and last errors of workloads, not their desired states.
    pub async fn update_workload_progress(
        &self,
        tx: &Tx,
        workloads: impl IntoIterator<Item = &Workload>,
    ) -> Result<()> {
        bulk_update_rows(tx, &workloads.into_iter().map(to_progress_row).collect::<Vec<_>>()).await
    }

    /// Updates all columns of a workload.
    pub async fn update_workload(&self, tx: &Tx, workload: &Workload) -> Result<()> {
        let model = to_row(workload)?;
        row::Entity::update(model).exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Deletes workloads.
    pub async fn delete_workloads(&self, tx: &Tx, ids: &[WorkloadId]) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let these = row::Entity::delete_many().filter(row::Column::Id.is_in(to_id_strings(ids)));
        these.exec(&**tx).await.or_db_error().map(drop)
    }

    /// Finds a workload by its id.
    pub async fn find_workload(&self, id: WorkloadId) -> Result<Option<Workload>> {
        let found = row::Entity::find_by_id(id.to_string()).one(self.db.reader()).await.or_db_error()?;
        found.map(Workload::try_from).transpose()
    }

    /// Finds workloads by their ids.
    pub async fn find_workloads_by_id(
        &self,
        ids: impl IntoIterator<Item = WorkloadId>,
    ) -> Result<Vec<Workload>> {
        read_workloads(select_workloads(ids).all(self.db.reader()).await.or_db_error()?)
    }

    /// Locks workloads in order of their ids.
    pub async fn lock_workloads(
        &self,
        tx: &Tx,
        ids: impl IntoIterator<Item = WorkloadId>,
    ) -> Result<BTreeMap<WorkloadId, Workload>> {
        let query = select_workloads(ids).order_by_asc(row::Column::Id).lock(LockType::Update);
        Ok(read_workloads(query.all(&**tx).await.or_db_error()?)?
            .into_iter()
            .map(|known| (known.id, known))
            .collect())
    }

    /// Locks the workloads of jobs in order of their ids.
    pub async fn lock_workloads_of_jobs(
        &self,
        tx: &Tx,
        jobs: impl IntoIterator<Item = JobId>,
    ) -> Result<Vec<Workload>> {
        let jobs = to_id_strings(jobs);
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let query = row::Entity::find().filter(row::Column::JobId.is_in(jobs));
        read_workloads(
            query.order_by_asc(row::Column::Id).lock(LockType::Update).all(&**tx).await.or_db_error()?,
        )
    }

    /// Finds workloads by their ids, and returns their owners only.
    pub async fn find_workload_refs(
        &self,
        ids: impl IntoIterator<Item = WorkloadId>,
    ) -> Result<Vec<WorkloadRef>> {
        let rows: Vec<(String, String, String)> = select_workloads(ids)
            .select_only()
            .columns([row::Column::Id, row::Column::ToolId, row::Column::JobId])
            .into_tuple()
            .all(self.db.reader())
            .await
            .or_db_error()?;
        let known = |(id, tool, job): (String, String, String)| {
            Ok(WorkloadRef {
                id: parse_column("workload.id", &id)?,
                tool: parse_column("workload.tool_id", &tool)?,
                job: parse_column("workload.job_id", &job)?,
            })
        };
        rows.into_iter().map(known).collect()
    }

    /// Finds a workload by its id and locks its row.
    pub async fn find_workload_for_update(&self, tx: &Tx, id: WorkloadId) -> Result<Option<Workload>> {
        let query = row::Entity::find_by_id(id.to_string()).lock(LockType::Update);
        query.one(&**tx).await.or_db_error()?.map(Workload::try_from).transpose()
    }

    /// Lists a tool's workloads.
    pub async fn list_workloads(&self, tool: ToolId) -> Result<Vec<Workload>> {
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
        read_workloads(query.order_by_asc(row::Column::Id).all(self.db.reader()).await.or_db_error()?)
    }

    /// Locks all workloads of a tool, or those of one of its jobs.
    pub async fn lock_tool_workloads(
        &self,
        tx: &Tx,
        tool: ToolId,
        job: Option<JobId>,
    ) -> Result<Vec<Workload>> {
        let mut query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
        if let Some(job) = job {
            query = query.filter(row::Column::JobId.eq(job.to_string()));
        }
        let query = query.order_by_asc(row::Column::Id).lock(LockType::Update);
        read_workloads(query.all(&**tx).await.or_db_error()?)
    }

    /// Lists the parts of a tool's quota that its active workloads use.
    pub async fn list_reservations(&self, tool: ToolId) -> Result<Vec<ReservedResources>> {
        read_reservations(self.db.reader(), [tool]).await
    }

    /// Lists the parts of several tools' quotas that active workloads use, in a transaction but without
    /// locks.
    pub async fn list_reservations_in(
        &self,
        tx: &Tx,
        tools: impl IntoIterator<Item = ToolId>,
    ) -> Result<Vec<ReservedResources>> {
        read_reservations(&**tx, tools).await
    }

    /// Lists the ids of all workloads that were applied to the runtime.
    pub async fn list_applied_workload_ids(&self) -> Result<Vec<WorkloadId>> {
        self.select_workload_ids(row::Column::AppliedGeneration.is_not_null()).await
    }

    /// Lists the ids of all workloads that reconcile has to handle: not applied in their current generation,
    /// or done.
    pub async fn list_pending_workload_ids(&self) -> Result<Vec<WorkloadId>> {
        let not_applied = row::Column::AppliedGeneration.is_null().or(row::Column::Done.eq(true));
        self.select_workload_ids(
            not_applied.or(Expr::col(row::Column::AppliedGeneration).ne(Expr::col(row::Column::Generation))),
        )
        .await
    }

    async fn select_workload_ids(&self, which: Expr) -> Result<Vec<WorkloadId>> {
        let ids: Vec<String> = row::Entity::find()
            .select_only()
            .column(row::Column::Id)
            .filter(which)
            .into_tuple()
            .all(self.db.reader())
            .await
            .or_db_error()?;
        ids.iter().map(|id| parse_column("workload.id", id)).collect()
    }
}
