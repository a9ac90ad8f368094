//! Jobs: what is to run.

use hearth_base::{Digest, Error, Id, IdKind, JobName, Result, ToolId};
use hearth_kit::db::{
    At,
    columns::{count, number, read, read_json, write_json},
};
use hearth_runtime_api::SetId;
use hearth_wire::jobs::JobType;
use jiff::Timestamp;
use sea_orm::ActiveValue::Set;

use self::row::JobKind;
use super::{image::Image, spec::JobSpec};

pub mod row {
    use hearth_kit::db::At;
    use sea_orm::entity::prelude::*;

    /// The kind of a job: it says which columns are set.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
    #[sea_orm(rs_type = "String", db_type = "Text")]
    pub enum JobKind {
        #[sea_orm(string_value = "once")]
        Once,
        #[sea_orm(string_value = "scheduled")]
        Scheduled,
        #[sea_orm(string_value = "kept")]
        Kept,
    }

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "job")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub tool_id: String,
        pub name: String,
        pub kind: JobKind,
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
    pub spec: JobSpec,
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
        self.spec.job_type
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
        let kind = match (kind, set_id, schedule) {
            (JobKind::Kept, Some(set), _) => Kind::Kept(read("job.set_id", &set)?),
            (JobKind::Scheduled, _, Some(fields)) => Kind::Scheduled(Schedule {
                fields,
                accounted: accounted.unwrap_or(created).into(),
                last: last_due.map(Timestamp::from),
                next: next_due.map(Timestamp::from),
                silent: count(silent),
            }),
            (JobKind::Once, _, _) => Kind::OneOff,
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

pub(super) fn model(job: &Job) -> Result<row::ActiveModel> {
    let Job {
        id: _,
        tool,
        name,
        kind,
        spec,
        image,
        newer,
        generation,
        restart,
        paused: _,
        last_run: _,
        publish,
        created,
        changed,
    } = job;
    let (column, set_id) = match kind {
        Kind::OneOff => (JobKind::Once, None),
        Kind::Scheduled(_) => (JobKind::Scheduled, None),
        Kind::Kept(set) => (JobKind::Kept, Some(set.to_string())),
    };
    Ok(row::ActiveModel {
        tool_id: Set(tool.to_string()),
        name: Set(name.to_string()),
        kind: Set(column),
        spec: Set(write_json(spec)?),
        image: Set(write_json(image)?),
        set_id: Set(set_id),
        generation: Set(number(*generation)),
        restart: Set(number(*restart)),
        schedule: Set(job.schedule().map(|schedule| schedule.fields.clone())),
        publish: Set(*publish),
        newer: Set(newer.map(|newer| newer.to_string())),
        created: Set((*created).into()),
        changed: Set((*changed).into()),
        ..followed(job)
    })
}

/// How far a job's schedule was followed, and its newest run: nothing else of its row.
pub(super) fn followed(job: &Job) -> row::ActiveModel {
    let schedule = job.schedule();
    row::ActiveModel {
        id: Set(job.id.to_string()),
        accounted: Set(schedule.map(|schedule| schedule.accounted.into())),
        next_due: Set(schedule.and_then(|schedule| schedule.next).map(At::from)),
        last_due: Set(schedule.and_then(|schedule| schedule.last).map(At::from)),
        paused: Set(job.paused.map(At::from)),
        silent: Set(schedule.map_or(0, |schedule| number(schedule.silent))),
        last_run: Set(job.last_run.clone()),
        ..Default::default()
    }
}
