//! Jobs and their rows.

use hearth_base::{Digest, EnvironmentName, Error, Id, IdKind, JobName, Result, ToolId};
use hearth_kit::db::{
    DbTimestamp,
    columns::{parse_column, parse_json, to_i64, to_json, to_u64},
};
use hearth_runtime_api::SetId;
use hearth_wire::jobs::JobType;
use jiff::Timestamp;
use sea_orm::ActiveValue::Set;

use self::row::JobKindColumn;
use super::{image::ResolvedImage, spec::JobSpec};

pub mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    /// The kind of a job, which decides the columns that are set.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
    #[sea_orm(rs_type = "String", db_type = "Text")]
    pub enum JobKindColumn {
        #[sea_orm(string_value = "one-off")]
        OneOff,
        #[sea_orm(string_value = "scheduled")]
        Scheduled,
        #[sea_orm(string_value = "continuous")]
        Continuous,
    }

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "job")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub tool_id: String,
        pub name: String,
        pub kind: JobKindColumn,
        pub spec: Json,
        pub image: Json,
        pub set_id: Option<String>,
        pub generation: i64,
        pub restart: i64,
        pub schedule: Option<String>,
        pub settled_until: Option<DbTimestamp>,
        pub next_due: Option<DbTimestamp>,
        pub last_due: Option<DbTimestamp>,
        /// Also set while the job is asleep, for release 0.1.0.
        pub paused: Option<DbTimestamp>,
        pub asleep: Option<DbTimestamp>,
        /// Time without visits after which it sleeps, in seconds; null if it never does.
        pub sleep_after: Option<i64>,
        pub consecutive_missed: i64,
        pub last_run: Option<String>,
        /// True if it is the page of the tool.
        pub publish: bool,
        /// The environment whose page it is. Release 0.1.0 reads `publish` only, so that is false for these jobs.
        pub environment: Option<String>,
        /// End of the preview that it is part of; null for a job of the tool.
        pub preview_expires: Option<DbTimestamp>,
        /// Digest that its image's tag refers to now, if it differs from `image`.
        pub newer_image: Option<String>,
        pub created: DbTimestamp,
        pub changed: DbTimestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The marker behind [`JobId`].
pub enum JobIdKind {}

impl IdKind for JobIdKind {
    const ID_PREFIX: &'static str = "job";
}

/// The id of a job: a job created under the name of a deleted one has another id.
pub type JobId = Id<JobIdKind>;

/// The kind of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobKind {
    /// Runs once.
    OneOff,
    /// Runs at the due times of its schedule.
    Scheduled(JobSchedule),
    /// Runs all the time, as this set of the runtime.
    Continuous(SetId),
}

/// A schedule and its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSchedule {
    /// Its five cron fields.
    pub fields: String,
    /// The ledger has the outcome of every due time up to this instant.
    pub settled_until: Timestamp,
    /// The last due time in the ledger.
    pub last_due: Option<Timestamp>,
    /// The next due time, or the next attempt of one that waits for the quota. `None` while the job is
    /// paused, or if no due time follows.
    pub next_due: Option<Timestamp>,
    /// Consecutive due times without a run (skipped or missed), except those of a pause.
    pub consecutive_missed: u64,
}

/// A job.
#[derive(Debug, Clone)]
pub struct Job {
    pub id: JobId,
    pub tool: ToolId,
    pub name: JobName,
    pub kind: JobKind,
    /// The spec that its maintainers wrote.
    pub spec: JobSpec,
    /// The image that its name was resolved to.
    pub image: ResolvedImage,
    /// Digest that the image's tag refers to now, if it differs and was not applied.
    pub newer_image: Option<Digest>,
    /// Incremented by each change and restart.
    pub generation: u64,
    /// Number of requested restarts.
    pub restart: u64,
    /// Start of its pause: a continuous job has no containers, due times are skipped.
    pub paused: Option<Timestamp>,
    /// Time at which it fell asleep: it has no containers until the next visit of its page. Never set with `paused`.
    pub asleep: Option<Timestamp>,
    /// Id of its newest run.
    pub last_run: Option<String>,
    /// The page that it is, if it is published.
    pub page: Option<JobPage>,
    pub created: Timestamp,
    pub changed: Timestamp,
}

/// The page that a job is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobPage {
    /// The page of the tool.
    Tool,
    /// The page of an environment of the tool.
    Environment(EnvironmentName),
}

impl JobPage {
    /// Finds the environment; `None` for the page of the tool.
    pub fn find_environment(&self) -> Option<&EnvironmentName> {
        match self {
            Self::Tool => None,
            Self::Environment(environment) => Some(environment),
        }
    }
}

impl Job {
    /// The type of the job in the API.
    pub fn job_type(&self) -> JobType {
        self.spec.job_type
    }

    /// True if it is neither paused nor asleep.
    pub fn is_awake(&self) -> bool {
        self.paused.is_none() && self.asleep.is_none()
    }

    /// Its schedule, if it has one.
    pub fn schedule(&self) -> Option<&JobSchedule> {
        match &self.kind {
            JobKind::Scheduled(schedule) => Some(schedule),
            JobKind::OneOff | JobKind::Continuous(_) => None,
        }
    }

    /// Its schedule for a change, if it has one.
    pub fn schedule_mut(&mut self) -> Option<&mut JobSchedule> {
        match &mut self.kind {
            JobKind::Scheduled(schedule) => Some(schedule),
            JobKind::OneOff | JobKind::Continuous(_) => None,
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
            settled_until,
            next_due,
            last_due,
            paused,
            asleep,
            sleep_after: _,
            preview_expires: _,
            consecutive_missed,
            last_run,
            publish,
            environment,
            newer_image,
            created,
            changed,
        } = row;
        let page = match environment {
            _ if publish => Some(JobPage::Tool),
            Some(name) => Some(JobPage::Environment(parse_column("job.environment", &name)?)),
            None => None,
        };
        let kind = match (kind, set_id, schedule) {
            (JobKindColumn::Continuous, Some(set), _) => {
                JobKind::Continuous(parse_column("job.set_id", &set)?)
            }
            (JobKindColumn::Scheduled, _, Some(fields)) => JobKind::Scheduled(JobSchedule {
                fields,
                settled_until: settled_until.unwrap_or(created).into(),
                last_due: last_due.map(Timestamp::from),
                next_due: next_due.map(Timestamp::from),
                consecutive_missed: to_u64(consecutive_missed),
            }),
            (JobKindColumn::OneOff, _, _) => JobKind::OneOff,
            _ => return Err(Error::internal("column job.kind has an invalid value")),
        };
        Ok(Self {
            id: parse_column("job.id", &id)?,
            tool: parse_column("job.tool_id", &tool_id)?,
            name: parse_column("job.name", &name)?,
            kind,
            spec: parse_json("job.spec", spec)?,
            image: parse_json("job.image", image)?,
            newer_image: newer_image.map(|digest| parse_column("job.newer_image", &digest)).transpose()?,
            generation: to_u64(generation),
            restart: to_u64(restart),
            paused: paused.filter(|_| asleep.is_none()).map(Timestamp::from),
            // Release 0.1.0 resumes a sleeping job by its column `paused` alone.
            asleep: asleep.filter(|_| paused.is_some()).map(Timestamp::from),
            last_run,
            page,
            created: created.into(),
            changed: changed.into(),
        })
    }
}

pub(super) fn to_row(job: &Job) -> Result<row::ActiveModel> {
    let Job {
        id: _,
        tool,
        name,
        kind,
        spec,
        image,
        newer_image,
        generation,
        restart,
        paused: _,
        asleep: _,
        last_run: _,
        page,
        created,
        changed,
    } = job;
    let (column, set_id) = match kind {
        JobKind::OneOff => (JobKindColumn::OneOff, None),
        JobKind::Scheduled(_) => (JobKindColumn::Scheduled, None),
        JobKind::Continuous(set) => (JobKindColumn::Continuous, Some(set.to_string())),
    };
    Ok(row::ActiveModel {
        tool_id: Set(tool.to_string()),
        name: Set(name.to_string()),
        kind: Set(column),
        spec: Set(to_json(spec)?),
        image: Set(to_json(image)?),
        set_id: Set(set_id),
        generation: Set(to_i64(*generation)),
        restart: Set(to_i64(*restart)),
        schedule: Set(job.schedule().map(|schedule| schedule.fields.clone())),
        publish: Set(*page == Some(JobPage::Tool)),
        environment: Set(page.as_ref().and_then(JobPage::find_environment).map(ToString::to_string)),
        sleep_after: Set(spec.sleep_seconds().map(i64::from)),
        preview_expires: Set(spec.preview.map(|preview| preview.expires.into())),
        newer_image: Set(newer_image.map(|digest| digest.to_string())),
        created: Set((*created).into()),
        changed: Set((*changed).into()),
        ..to_position_row(job)
    })
}

/// Builds an update of a job's schedule position, pause and newest run; it leaves all other columns unset.
pub(super) fn to_position_row(job: &Job) -> row::ActiveModel {
    let schedule = job.schedule();
    row::ActiveModel {
        id: Set(job.id.to_string()),
        settled_until: Set(schedule.map(|schedule| schedule.settled_until.into())),
        next_due: Set(schedule.and_then(|schedule| schedule.next_due).map(DbTimestamp::from)),
        last_due: Set(schedule.and_then(|schedule| schedule.last_due).map(DbTimestamp::from)),
        paused: Set(job.paused.or(job.asleep).map(DbTimestamp::from)),
        asleep: Set(job.asleep.map(DbTimestamp::from)),
        consecutive_missed: Set(schedule.map_or(0, |schedule| to_i64(schedule.consecutive_missed))),
        last_run: Set(job.last_run.clone()),
        ..Default::default()
    }
}
