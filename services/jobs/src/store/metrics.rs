//! What jobs used, in steps of time: fine ones for hours, coarse ones for a month, and one row for all time.

use std::{collections::BTreeMap, ops::AddAssign};

use hearth_base::{Result, ToolId};
use hearth_kit::db::{
    At, OrFault, Tx,
    columns::{count, number, read, sum_of},
};
use hearth_wire::jobs::Sample;
use jiff::{SignedDuration, Timestamp};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, Func, OnConflict},
};

use super::{JobId, Store, runs::run};

pub mod row {
    use hearth_kit::db::At;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sample")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub job_id: String,
        /// How long the step is in seconds; 0 for all time.
        #[sea_orm(primary_key, auto_increment = false)]
        pub step: i32,
        /// When it began.
        #[sea_orm(primary_key, auto_increment = false)]
        pub at: At,
        pub tool_id: String,
        pub memory: i64,
        pub cpu_micros: i64,
        pub containers: i32,
        pub restarts: i32,
        pub disk: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A length of steps, and for how long they are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// How long it is.
    pub seconds: i32,
    /// For how many hours it is kept.
    pub hours: i32,
}

/// All of them, the finest first.
pub const STEPS: [Step; 3] =
    [Step { seconds: 60, hours: 3 }, Step { seconds: 900, hours: 48 }, Step { seconds: 7200, hours: 720 }];

/// The most rows of one statement: a database takes some thousands of values in one.
const TOGETHER: usize = 1000;

/// The row of a job that counts from its beginning.
const ALL_TIME: i32 = 0;

/// What a job used since the last time it was asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Use {
    pub memory: u64,
    pub disk: u64,
    pub cpu_micros: u64,
    pub containers: u32,
    pub restarts: u32,
}

impl AddAssign for Use {
    /// What was used after one another, or side by side: in all, and at most.
    fn add_assign(&mut self, other: Self) {
        self.memory = Ord::max(self.memory, other.memory);
        self.disk = Ord::max(self.disk, other.disk);
        self.cpu_micros += other.cpu_micros;
        self.containers = Ord::max(self.containers, other.containers);
        self.restarts += other.restarts;
    }
}

impl From<row::Model> for Sample {
    fn from(row: row::Model) -> Self {
        let row::Model { job_id: _, step: _, at, tool_id: _, memory, cpu_micros, containers, restarts, disk } =
            row;
        Self {
            at: at.into(),
            memory: count(memory),
            cpu_micros: count(cpu_micros),
            disk: count(disk),
            containers: u32::try_from(containers).unwrap_or(0),
            restarts: u32::try_from(restarts).unwrap_or(0),
        }
    }
}

impl Store {
    /// Counts the processor time of a run up to now, under its tool's lock: what of it was not counted yet.
    pub async fn count_cpu(&self, tx: &Tx, run: &str, cpu_micros: u64) -> Result<u64> {
        let Some(known) = run::row::Entity::find_by_id(run).one(&**tx).await.or_fault()? else {
            return Ok(0);
        };
        let new = cpu_micros.saturating_sub(count(known.cpu_counted));
        if new > 0 {
            run::row::Entity::update_many()
                .col_expr(run::row::Column::CpuCounted, Expr::value(number(cpu_micros)))
                .filter(run::row::Column::Id.eq(run))
                .exec(&**tx)
                .await
                .or_fault()?;
        }
        Ok(new)
    }

    /// Adds what jobs used to the steps that `now` is in.
    pub async fn samples_add(
        &self,
        tx: &Tx,
        used: &BTreeMap<(ToolId, JobId), Use>,
        now: Timestamp,
    ) -> Result<()> {
        let narrow = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
        let steps = STEPS.iter().map(|step| step.seconds).chain([ALL_TIME]);
        let row = |((tool, job), used): (&(ToolId, JobId), &Use), step: i32| {
            let Use { memory, disk, cpu_micros, containers, restarts } = *used;
            row::ActiveModel {
                job_id: Set(job.to_string()),
                step: Set(step),
                at: Set(began(now, step).into()),
                tool_id: Set(tool.to_string()),
                memory: Set(number(memory)),
                cpu_micros: Set(number(cpu_micros)),
                containers: Set(narrow(containers)),
                restarts: Set(narrow(restarts)),
                disk: Set(number(disk)),
            }
        };
        let rows: Vec<_> =
            used.iter().flat_map(|one| steps.clone().map(move |step| row(one, step))).collect();
        let known = |column: row::Column| Expr::col((row::Entity, column));
        let new = |column: row::Column| Expr::col(("excluded", column));
        let most = |column| Expr::expr(Func::greatest([known(column), new(column)]));
        let sum = |column| known(column).add(new(column));
        let again = OnConflict::columns([row::Column::JobId, row::Column::Step, row::Column::At])
            .value(row::Column::Memory, most(row::Column::Memory))
            .value(row::Column::Disk, most(row::Column::Disk))
            .value(row::Column::CpuMicros, sum(row::Column::CpuMicros))
            .value(row::Column::Containers, most(row::Column::Containers))
            .value(row::Column::Restarts, sum(row::Column::Restarts))
            .to_owned();
        for rows in rows.chunks(TOGETHER) {
            let insert = row::Entity::insert_many(rows.to_vec()).on_conflict(again.clone());
            insert.exec_without_returning(&**tx).await.or_fault()?;
        }
        Ok(())
    }

    /// What a job used since `since`, the oldest step first.
    pub async fn samples(&self, job: JobId, step: Step, since: Timestamp) -> Result<Vec<Sample>> {
        let query = row::Entity::find()
            .filter(row::Column::JobId.eq(job.to_string()))
            .filter(row::Column::Step.eq(step.seconds))
            .filter(row::Column::At.gte(At::from(since)))
            .order_by_asc(row::Column::At);
        let rows = query.all(self.db.reader()).await.or_fault()?;
        Ok(rows.into_iter().map(Sample::from).collect())
    }

    /// What all jobs of a tool used together since `since`, the oldest step first.
    pub async fn samples_of_tool(&self, tool: ToolId, step: Step, since: Timestamp) -> Result<Vec<Sample>> {
        let sum = |column: row::Column| sum_of(self.db.backend(), column);
        let rows: Vec<(At, i64, i64, i64, i64, i64)> = row::Entity::find()
            .select_only()
            .column(row::Column::At)
            .column_as(sum(row::Column::Memory), "memory")
            .column_as(sum(row::Column::Disk), "disk")
            .column_as(sum(row::Column::CpuMicros), "cpu_micros")
            .column_as(sum(row::Column::Containers), "containers")
            .column_as(sum(row::Column::Restarts), "restarts")
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .filter(row::Column::Step.eq(step.seconds))
            .filter(row::Column::At.gte(At::from(since)))
            .group_by(row::Column::At)
            .order_by_asc(row::Column::At)
            .into_tuple()
            .all(self.db.reader())
            .await
            .or_fault()?;
        let narrow = |count: i64| u32::try_from(count).unwrap_or(0);
        let sample = |(at, memory, disk, cpu_micros, containers, restarts)| Sample {
            at: At::into(at),
            memory: count(memory),
            disk: count(disk),
            cpu_micros: count(cpu_micros),
            containers: narrow(containers),
            restarts: narrow(restarts),
        };
        Ok(rows.into_iter().map(sample).collect())
    }

    /// What each job of a tool used in all, and in the newest minute from `since` on.
    pub async fn samples_newest(
        &self,
        tool: ToolId,
        since: Timestamp,
    ) -> Result<BTreeMap<JobId, (Sample, Option<Sample>)>> {
        let minute = STEPS[0].seconds;
        let newest = row::Column::Step.eq(minute).and(row::Column::At.gte(At::from(since)));
        let rows = row::Entity::find()
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .filter(row::Column::Step.eq(ALL_TIME).or(newest))
            .order_by_asc(row::Column::Step)
            .order_by_asc(row::Column::At)
            .all(self.db.reader())
            .await
            .or_fault()?;
        let mut jobs = BTreeMap::new();
        for row in rows {
            let (job, step): (JobId, i32) = (read("sample.job_id", &row.job_id)?, row.step);
            let sample = Sample::from(row);
            let (_, now) = jobs.entry(job).or_insert((sample, None));
            if step == minute {
                *now = Some(sample);
            }
        }
        Ok(jobs)
    }

    /// Forgets steps that are kept no longer.
    pub async fn samples_sweep(&self, tx: &Tx, now: Timestamp) -> Result<()> {
        for Step { seconds, hours } in STEPS {
            let before = now.saturating_sub(SignedDuration::from_hours(hours.into())).unwrap_or(now);
            row::Entity::delete_many()
                .filter(row::Column::Step.eq(seconds))
                .filter(row::Column::At.lt(At::from(before)))
                .exec(&**tx)
                .await
                .or_fault()?;
        }
        Ok(())
    }

    /// Removes what is known of a job's use.
    pub(super) async fn samples_remove(&self, tx: &Tx, job: JobId) -> Result<()> {
        let all = row::Entity::delete_many().filter(row::Column::JobId.eq(job.to_string()));
        all.exec(&**tx).await.or_fault().map(|_| ())
    }
}

/// When the step that `now` is in began.
pub fn began(now: Timestamp, step: i32) -> Timestamp {
    let second = now.as_second();
    let began = second.checked_rem_euclid(step.into()).map_or(0, |into| second - into);
    Timestamp::from_second(began).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_begins_at_its_multiple() {
        let now: Timestamp = "2026-05-04T13:59:59.5Z".parse().unwrap();
        assert_eq!(began(now, 60).to_string(), "2026-05-04T13:59:00Z");
        assert_eq!(began(now, 900).to_string(), "2026-05-04T13:45:00Z");
        assert_eq!(began(now, 7200).to_string(), "2026-05-04T12:00:00Z");
        assert_eq!(began(now, ALL_TIME), Timestamp::UNIX_EPOCH);
    }
}
