//! Queries of jobs.

use std::collections::BTreeMap;

use hearth_base::{Error, JobName, Result, ToolId};
use hearth_kit::db::{DbTimestamp, OrDbError, Tx, bulk_update_rows, columns::parse_column};
use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{LockBehavior, LockType},
};

use super::job::{Job, JobId, row, to_position_row, to_row};
use crate::store::{JobStore, to_id_strings};

impl JobStore {
    /// Finds a job by its name.
    pub async fn find_job(&self, tool: ToolId, name: &JobName) -> Result<Option<Job>> {
        select_job_by_name(tool, name)
            .one(self.db.reader())
            .await
            .or_db_error()?
            .map(Job::try_from)
            .transpose()
    }

    /// Finds a job by its name and locks its row.
    pub async fn find_job_for_update(&self, tx: &Tx, tool: ToolId, name: &JobName) -> Result<Option<Job>> {
        let query = select_job_by_name(tool, name).lock(LockType::Update);
        query.one(&**tx).await.or_db_error()?.map(Job::try_from).transpose()
    }

    /// Finds a job by its id.
    pub async fn find_job_by_id(&self, id: JobId) -> Result<Option<Job>> {
        let found = row::Entity::find_by_id(id.to_string()).one(self.db.reader()).await.or_db_error()?;
        found.map(Job::try_from).transpose()
    }

    /// Finds a job by its id and locks its row.
    pub async fn find_job_by_id_for_update(&self, tx: &Tx, id: JobId) -> Result<Option<Job>> {
        let query = row::Entity::find_by_id(id.to_string()).lock(LockType::Update);
        query.one(&**tx).await.or_db_error()?.map(Job::try_from).transpose()
    }

    /// Locks jobs in order of their ids.
    pub async fn lock_jobs(
        &self,
        tx: &Tx,
        ids: impl IntoIterator<Item = JobId>,
    ) -> Result<BTreeMap<JobId, Job>> {
        let query = select_jobs(ids).order_by_asc(row::Column::Id).lock(LockType::Update);
        index_by_id(query.all(&**tx).await.or_db_error()?)
    }

    /// Finds jobs by their ids in a transaction, without locks.
    pub async fn find_jobs_by_id_in(
        &self,
        tx: &Tx,
        ids: impl IntoIterator<Item = JobId>,
    ) -> Result<BTreeMap<JobId, Job>> {
        index_by_id(select_jobs(ids).all(&**tx).await.or_db_error()?)
    }

    /// Lists all jobs of a tool by name. Quotas limit their number.
    pub async fn list_jobs(&self, tool: ToolId) -> Result<Vec<Job>> {
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
        let rows = query.order_by_asc(row::Column::Name).all(self.db.reader()).await.or_db_error()?;
        rows.into_iter().map(Job::try_from).collect()
    }

    /// Lists all jobs of a tool in a transaction.
    pub async fn list_jobs_in(&self, tx: &Tx, tool: ToolId) -> Result<Vec<Job>> {
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
        let rows = query.order_by_asc(row::Column::Name).all(&**tx).await.or_db_error()?;
        rows.into_iter().map(Job::try_from).collect()
    }

    /// Lists the jobs that are pages of a tool and of its environments, in a transaction.
    pub async fn list_page_jobs_in(&self, tx: &Tx, tool: ToolId) -> Result<Vec<Job>> {
        let is_page = row::Column::Publish.eq(true).or(row::Column::Environment.is_not_null());
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string())).filter(is_page);
        let rows = query.order_by_asc(row::Column::Name).all(&**tx).await.or_db_error()?;
        rows.into_iter().map(Job::try_from).collect()
    }

    /// Lists the published jobs of these tools that sleep without visits.
    pub async fn list_pages_with_sleep(&self, tools: impl IntoIterator<Item = ToolId>) -> Result<Vec<Job>> {
        let query = row::Entity::find().filter(row::Column::ToolId.is_in(to_id_strings(tools)));
        let rows =
            query.filter(row::Column::SleepAfter.is_not_null()).all(self.db.reader()).await.or_db_error()?;
        rows.into_iter().map(Job::try_from).collect()
    }

    /// Lists up to `limit` running jobs that sleep without visits, in order of their ids, after `after`.
    pub async fn list_awake_pages_after(&self, after: Option<JobId>, limit: u64) -> Result<Vec<Job>> {
        let mut query = row::Entity::find()
            .filter(row::Column::SleepAfter.is_not_null())
            .filter(row::Column::Paused.is_null())
            .order_by_asc(row::Column::Id);
        if let Some(after) = after {
            query = query.filter(row::Column::Id.gt(after.to_string()));
        }
        let rows = query.limit(limit).all(self.db.reader()).await.or_db_error()?;
        rows.into_iter().map(Job::try_from).collect()
    }

    /// Lists up to `limit` jobs whose preview has ended at `now`, the earliest first.
    pub async fn list_ended_preview_jobs(&self, now: Timestamp, limit: u64) -> Result<Vec<Job>> {
        let query = row::Entity::find().filter(row::Column::PreviewExpires.lte(DbTimestamp::from(now)));
        let query = query.order_by_asc(row::Column::PreviewExpires).limit(limit);
        let rows = query.all(self.db.reader()).await.or_db_error()?;
        rows.into_iter().map(Job::try_from).collect()
    }

    /// Inserts a job. `job-exists` (conflict) if there is one of that name.
    pub async fn insert_job(&self, tx: &Tx, job: &Job) -> Result<()> {
        let taken = || job_exists_error(&job.name);
        row::Entity::insert(to_row(job)?)
            .exec_without_returning(&**tx)
            .await
            .or_unique_violation(taken)
            .map(|_| ())
    }

    /// Updates all columns of a job.
    pub async fn update_job(&self, tx: &Tx, job: &Job) -> Result<()> {
        let model = to_row(job)?;
        row::Entity::update(model).exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Updates the schedule positions and newest runs of jobs, and no other column.
    pub async fn update_schedule_positions(
        &self,
        tx: &Tx,
        jobs: impl IntoIterator<Item = &Job>,
    ) -> Result<()> {
        bulk_update_rows(tx, &jobs.into_iter().map(to_position_row).collect::<Vec<_>>()).await
    }

    /// Deletes a job with its ledger and samples.
    pub async fn delete_job(&self, tx: &Tx, id: JobId) -> Result<()> {
        self.delete_ledger_entries_of_job(tx, id).await?;
        self.delete_job_samples(tx, id).await?;
        self.delete_page_visit(tx, id).await?;
        row::Entity::delete_by_id(id.to_string()).exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Locks up to `limit` due jobs. Jobs that another transaction has locked are skipped, not waited for.
    pub async fn claim_due_jobs(&self, tx: &Tx, now: Timestamp, limit: u64) -> Result<Vec<Job>> {
        let rows = row::Entity::find()
            .filter(row::Column::NextDue.lte(DbTimestamp::from(now)))
            .order_by_asc(row::Column::NextDue)
            .limit(limit)
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
            .all(&**tx)
            .await
            .or_db_error()?;
        rows.into_iter().map(Job::try_from).collect()
    }

    /// Returns the time at which the next job is due.
    pub async fn find_next_due_time(&self) -> Result<Option<Timestamp>> {
        let first = row::Entity::find()
            .filter(row::Column::NextDue.is_not_null())
            .order_by_asc(row::Column::NextDue)
            .one(self.db.reader());
        Ok(first.await.or_db_error()?.and_then(|row| row.next_due).map(Timestamp::from))
    }

    /// Finds up to `limit` jobs whose `settled_until` is after `time`.
    pub async fn find_jobs_settled_beyond(&self, time: Timestamp, limit: u64) -> Result<Vec<JobId>> {
        let ahead =
            row::Entity::find().filter(row::Column::SettledUntil.gt(DbTimestamp::from(time))).limit(limit);
        let rows = ahead.all(self.db.reader()).await.or_db_error()?;
        rows.iter().map(|row| parse_column("job.id", &row.id)).collect()
    }

    /// Lists up to `limit` jobs after `after` in order of their ids: pages through all jobs.
    pub async fn list_jobs_after(&self, after: Option<JobId>, limit: u64) -> Result<Vec<Job>> {
        let mut query = row::Entity::find().order_by_asc(row::Column::Id).limit(limit);
        if let Some(after) = after {
            query = query.filter(row::Column::Id.gt(after.to_string()));
        }
        let rows = query.all(self.db.reader()).await.or_db_error()?;
        rows.into_iter().map(Job::try_from).collect()
    }
}

fn select_jobs(ids: impl IntoIterator<Item = JobId>) -> Select<row::Entity> {
    row::Entity::find().filter(row::Column::Id.is_in(to_id_strings(ids)))
}

fn index_by_id(rows: Vec<row::Model>) -> Result<BTreeMap<JobId, Job>> {
    rows.into_iter().map(|row| Job::try_from(row).map(|job| (job.id, job))).collect()
}

fn select_job_by_name(tool: ToolId, name: &JobName) -> Select<row::Entity> {
    let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
    query.filter(row::Column::Name.eq(name.as_str()))
}

/// The error of a job's creation under a name that is taken.
pub fn job_exists_error(name: &JobName) -> Error {
    Error::conflict("job-exists", format!("job {name} already exists and has not completed"))
        .help(format!("change it: hearth jobs update {name}; or delete it first: hearth jobs delete {name}"))
}
