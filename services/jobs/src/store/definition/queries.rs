//! Jobs in the database: kept, found, forgotten.

use std::collections::BTreeMap;

use hearth_base::{Error, JobName, Result, ToolId};
use hearth_kit::db::{At, OrFault, Tx, columns::read, update_each};
use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{LockBehavior, LockType},
};

use super::job::{Job, JobId, followed, model, row};
use crate::store::{Store, texts};

impl Store {
    /// A job by its name.
    pub async fn job(&self, tool: ToolId, name: &JobName) -> Result<Option<Job>> {
        named(tool, name).one(self.db.reader()).await.or_fault()?.map(Job::try_from).transpose()
    }

    /// A job by its name, as a change sees it.
    pub async fn job_in(&self, tx: &Tx, tool: ToolId, name: &JobName) -> Result<Option<Job>> {
        let query = named(tool, name).lock(LockType::Update);
        query.one(&**tx).await.or_fault()?.map(Job::try_from).transpose()
    }

    /// A job by its id.
    pub async fn job_by_id(&self, id: JobId) -> Result<Option<Job>> {
        let found = row::Entity::find_by_id(id.to_string()).one(self.db.reader()).await.or_fault()?;
        found.map(Job::try_from).transpose()
    }

    /// A job by its id, as a change sees it.
    pub async fn job_by_id_in(&self, tx: &Tx, id: JobId) -> Result<Option<Job>> {
        let query = row::Entity::find_by_id(id.to_string()).lock(LockType::Update);
        query.one(&**tx).await.or_fault()?.map(Job::try_from).transpose()
    }

    /// Locks jobs, always in the same order.
    pub async fn jobs_locked(
        &self,
        tx: &Tx,
        ids: impl IntoIterator<Item = JobId>,
    ) -> Result<BTreeMap<JobId, Job>> {
        let query = of(ids).order_by_asc(row::Column::Id).lock(LockType::Update);
        by_id(query.all(&**tx).await.or_fault()?)
    }

    /// Jobs, as a change sees them, without a lock.
    pub async fn jobs_by_id_in(
        &self,
        tx: &Tx,
        ids: impl IntoIterator<Item = JobId>,
    ) -> Result<BTreeMap<JobId, Job>> {
        by_id(of(ids).all(&**tx).await.or_fault()?)
    }

    /// All of a tool's jobs by name. Quotas keep them few.
    pub async fn jobs(&self, tool: ToolId) -> Result<Vec<Job>> {
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
        let rows = query.order_by_asc(row::Column::Name).all(self.db.reader()).await.or_fault()?;
        rows.into_iter().map(Job::try_from).collect()
    }

    /// All of a tool's jobs, as a change sees them.
    pub async fn jobs_in(&self, tx: &Tx, tool: ToolId) -> Result<Vec<Job>> {
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
        let rows = query.order_by_asc(row::Column::Name).all(&**tx).await.or_fault()?;
        rows.into_iter().map(Job::try_from).collect()
    }

    /// The job that is a tool's page, as a change sees it.
    pub async fn page_in(&self, tx: &Tx, tool: ToolId) -> Result<Option<Job>> {
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
        let page = query.filter(row::Column::Publish.eq(true)).one(&**tx).await.or_fault()?;
        page.map(Job::try_from).transpose()
    }

    /// Adds a job. Refused when there is one of that name.
    pub async fn job_add(&self, tx: &Tx, job: &Job) -> Result<()> {
        let taken = || exists(&job.name);
        row::Entity::insert(model(job)?).exec_without_returning(&**tx).await.or_taken(taken).map(|_| ())
    }

    /// Changes a job.
    pub async fn job_save(&self, tx: &Tx, job: &Job) -> Result<()> {
        let model = model(job)?;
        row::Entity::update(model).exec(&**tx).await.or_fault().map(|_| ())
    }

    /// Notes how far the schedules of jobs were followed, and their newest runs.
    pub async fn jobs_followed(&self, tx: &Tx, jobs: impl IntoIterator<Item = &Job>) -> Result<()> {
        update_each(tx, &jobs.into_iter().map(followed).collect::<Vec<_>>()).await
    }

    /// Removes a job, and what became of its due times.
    pub async fn job_remove(&self, tx: &Tx, id: JobId) -> Result<()> {
        self.ledger_remove(tx, id).await?;
        self.samples_remove(tx, id).await?;
        row::Entity::delete_by_id(id.to_string()).exec(&**tx).await.or_fault().map(|_| ())
    }

    /// Up to `most` jobs that are due, locked: they are this change's, and another's at the same time are not
    /// waited for.
    pub async fn jobs_due(&self, tx: &Tx, now: Timestamp, most: u64) -> Result<Vec<Job>> {
        let rows = row::Entity::find()
            .filter(row::Column::NextDue.lte(At::from(now)))
            .order_by_asc(row::Column::NextDue)
            .limit(most)
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
            .all(&**tx)
            .await
            .or_fault()?;
        rows.into_iter().map(Job::try_from).collect()
    }

    /// When the next job is due.
    pub async fn next_due(&self) -> Result<Option<Timestamp>> {
        let first = row::Entity::find()
            .filter(row::Column::NextDue.is_not_null())
            .order_by_asc(row::Column::NextDue)
            .one(self.db.reader());
        Ok(first.await.or_fault()?.and_then(|row| row.next_due).map(Timestamp::from))
    }

    /// Up to `most` jobs that are accounted for beyond `time`.
    pub async fn jobs_ahead(&self, time: Timestamp, most: u64) -> Result<Vec<JobId>> {
        let ahead = row::Entity::find().filter(row::Column::Accounted.gt(At::from(time))).limit(most);
        let rows = ahead.all(self.db.reader()).await.or_fault()?;
        rows.iter().map(|row| read("job.id", &row.id)).collect()
    }

    /// The next `most` jobs behind `after`, by id: for looking at all of them.
    pub async fn jobs_after(&self, after: Option<JobId>, most: u64) -> Result<Vec<Job>> {
        let mut query = row::Entity::find().order_by_asc(row::Column::Id).limit(most);
        if let Some(after) = after {
            query = query.filter(row::Column::Id.gt(after.to_string()));
        }
        let rows = query.all(self.db.reader()).await.or_fault()?;
        rows.into_iter().map(Job::try_from).collect()
    }
}

fn of(ids: impl IntoIterator<Item = JobId>) -> Select<row::Entity> {
    row::Entity::find().filter(row::Column::Id.is_in(texts(ids)))
}

fn by_id(rows: Vec<row::Model>) -> Result<BTreeMap<JobId, Job>> {
    rows.into_iter().map(|row| Job::try_from(row).map(|job| (job.id, job))).collect()
}

fn named(tool: ToolId, name: &JobName) -> Select<row::Entity> {
    let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
    query.filter(row::Column::Name.eq(name.as_str()))
}

/// What is told to whoever makes a job under a name that is taken.
pub fn exists(name: &JobName) -> Error {
    Error::conflict("job-exists", format!("there is a job {name} already, and it has not completed"))
        .help(format!("change it with `hearth jobs load`, or delete it first: hearth jobs delete {name}"))
}
