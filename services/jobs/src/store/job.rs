//! Jobs: what is to run.

use std::collections::BTreeMap;

use hearth_base::{Digest, Error, Id, IdKind, JobName, Result, ToolId};
use hearth_kit::db::{At, OrFault, Tx};
use hearth_runtime_api::SetId;
use hearth_wire::jobs::{JobCreate, JobType};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{LockBehavior, LockType},
};

use super::{
    Image, Store,
    columns::{count, number, read, read_json, write_json},
    texts,
};

pub mod row {
    use hearth_kit::db::At;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "job")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub tool_id: String,
        pub name: String,
        pub kind: String,
        pub spec: Json,
        pub image: Json,
        pub set_id: Option<String>,
        pub generation: i64,
        pub restart: i64,
        pub schedule: Option<String>,
        pub accounted: Option<At>,
        pub next_due: Option<At>,
        pub last_due: Option<At>,
        pub paused: Option<At>,
        pub silent: i64,
        pub last_run: Option<String>,
        pub publish: bool,
        /// What its image's tag means by now, where that is something else.
        pub newer: Option<String>,
        pub created: At,
        pub changed: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The marker behind [`JobId`].
pub enum JobIdKind {}

impl IdKind for JobIdKind {
    const PREFIX: &'static str = "job";
}

/// A job, whatever it is called: one made again under an old name is another one.
pub type JobId = Id<JobIdKind>;

/// How often a job runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Once.
    OneOff,
    /// Whenever its schedule says.
    Scheduled(Schedule),
    /// All the time, as this set.
    Kept(SetId),
}

/// A schedule, and how far it was followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Five fields.
    pub fields: String,
    /// What became of every due time up to this is in the ledger.
    pub accounted: Timestamp,
    /// The newest due time in the ledger.
    pub last: Option<Timestamp>,
    /// When there is something to do: the next due time. None while the job is paused, or when none will come.
    pub next: Option<Timestamp>,
    /// How many due times in a row brought no run, while it was not paused.
    pub silent: u64,
}

/// A job.
#[derive(Debug, Clone)]
pub struct Job {
    pub id: JobId,
    pub tool: ToolId,
    pub name: JobName,
    pub kind: Kind,
    /// As its maintainers wrote it down.
    pub spec: JobCreate,
    /// The image that it was resolved to.
    pub image: Image,
    /// What that image's tag means by now, where it is something else and was not taken.
    pub newer: Option<Digest>,
    /// Grows with each change and restart.
    pub generation: u64,
    /// Counts restarts.
    pub restart: u64,
    /// Since when it is left alone: nothing of a continuous job runs, due times are left out.
    pub paused: Option<Timestamp>,
    /// Its newest run.
    pub last_run: Option<String>,
    /// Whether it is the tool's page.
    pub publish: bool,
    pub created: Timestamp,
    pub changed: Timestamp,
}

impl Job {
    /// The sort of job, as its maintainers see it.
    pub fn job_type(&self) -> JobType {
        self.spec.kind()
    }

    /// Its schedule, when it has one.
    pub fn schedule(&self) -> Option<&Schedule> {
        match &self.kind {
            Kind::Scheduled(schedule) => Some(schedule),
            Kind::OneOff | Kind::Kept(_) => None,
        }
    }

    /// The same, to change it.
    pub fn schedule_mut(&mut self) -> Option<&mut Schedule> {
        match &mut self.kind {
            Kind::Scheduled(schedule) => Some(schedule),
            Kind::OneOff | Kind::Kept(_) => None,
        }
    }
}

impl TryFrom<row::Model> for Job {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model {
            id,
            tool_id,
            name,
            kind,
            spec,
            image,
            set_id,
            generation,
            restart,
            schedule,
            accounted,
            next_due,
            last_due,
            paused,
            silent,
            last_run,
            publish,
            newer,
            created,
            changed,
        } = row;
        let kind = match (kind.as_str(), set_id, schedule) {
            ("kept", Some(set), _) => Kind::Kept(read("job.set_id", &set)?),
            ("scheduled", _, Some(fields)) => Kind::Scheduled(Schedule {
                fields,
                accounted: accounted.unwrap_or(created).into(),
                last: last_due.map(Timestamp::from),
                next: next_due.map(Timestamp::from),
                silent: count(silent),
            }),
            ("once", _, _) => Kind::OneOff,
            _ => return Err(Error::internal("the column job.kind holds what it never was given")),
        };
        Ok(Self {
            id: read("job.id", &id)?,
            tool: read("job.tool_id", &tool_id)?,
            name: read("job.name", &name)?,
            kind,
            spec: read_json("job.spec", spec)?,
            image: read_json("job.image", image)?,
            newer: newer.map(|newer| read("job.newer", &newer)).transpose()?,
            generation: count(generation),
            restart: count(restart),
            paused: paused.map(Timestamp::from),
            last_run,
            publish,
            created: created.into(),
            changed: changed.into(),
        })
    }
}

fn model(job: &Job) -> Result<row::ActiveModel> {
    let Job {
        id,
        tool,
        name,
        kind,
        spec,
        image,
        newer,
        generation,
        restart,
        paused,
        last_run,
        publish,
        created,
        changed,
    } = job;
    let (word, set_id) = match kind {
        Kind::OneOff => ("once", None),
        Kind::Scheduled(_) => ("scheduled", None),
        Kind::Kept(set) => ("kept", Some(set.to_string())),
    };
    let schedule = job.schedule();
    Ok(row::ActiveModel {
        id: Set(id.to_string()),
        tool_id: Set(tool.to_string()),
        name: Set(name.to_string()),
        kind: Set(word.to_owned()),
        spec: Set(write_json(spec)?),
        image: Set(write_json(image)?),
        set_id: Set(set_id),
        generation: Set(number(*generation)),
        restart: Set(number(*restart)),
        schedule: Set(schedule.map(|schedule| schedule.fields.clone())),
        accounted: Set(schedule.map(|schedule| schedule.accounted.into())),
        next_due: Set(schedule.and_then(|schedule| schedule.next).map(At::from)),
        last_due: Set(schedule.and_then(|schedule| schedule.last).map(At::from)),
        paused: Set(paused.map(At::from)),
        silent: Set(schedule.map_or(0, |schedule| number(schedule.silent))),
        last_run: Set(last_run.clone()),
        publish: Set(*publish),
        newer: Set(newer.map(|newer| newer.to_string())),
        created: Set((*created).into()),
        changed: Set((*changed).into()),
    })
}

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

    /// Notes how far a job's schedule was followed, and its newest run.
    pub async fn job_followed(&self, tx: &Tx, job: &Job) -> Result<()> {
        let row::ActiveModel { id, accounted, next_due, last_due, paused, silent, last_run, .. } =
            model(job)?;
        let followed = row::ActiveModel {
            id,
            accounted,
            next_due,
            last_due,
            paused,
            silent,
            last_run,
            ..Default::default()
        };
        row::Entity::update(followed).exec(&**tx).await.or_fault().map(|_| ())
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
