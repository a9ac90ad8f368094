//! Usage samples of jobs in three resolutions, from minutes for hours to two hours for a month, and one row
//! for all time.

use std::{collections::BTreeMap, ops::AddAssign};

use hearth_base::{Result, ToolId};
use hearth_kit::db::{
    DbTimestamp, OrDbError, Tx,
    columns::{parse_column, sum_column, to_i64, to_u64},
};
use hearth_wire::jobs::MetricsSample;
use jiff::{SignedDuration, Timestamp};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, Func, OnConflict},
};

use super::{JobId, JobStore, runs::run};

pub mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sample")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub job_id: String,
        /// Length of the step in seconds; 0 for all time.
        #[sea_orm(primary_key, auto_increment = false)]
        pub step: i32,
        /// Start of the step.
        #[sea_orm(primary_key, auto_increment = false)]
        pub at: DbTimestamp,
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

/// A length of sample steps and their retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleResolution {
    /// Length of a step in seconds.
    pub seconds: i32,
    /// Retention in hours.
    pub hours: i32,
}

/// All resolutions, the finest first.
pub const SAMPLE_RESOLUTIONS: [SampleResolution; 3] = [
    SampleResolution { seconds: 60, hours: 3 },
    SampleResolution { seconds: 900, hours: 48 },
    SampleResolution { seconds: 7200, hours: 720 },
];

/// Maximum number of rows in one statement: databases limit its values to some thousands.
const MAX_ROWS_PER_STATEMENT: usize = 1000;

/// The step of the row that counts from a job's creation.
const ALL_TIME_STEP: i32 = 0;

/// Resources that a job used since its last sample.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JobUsage {
    pub memory: u64,
    pub disk: u64,
    pub cpu_micros: u64,
    pub containers: u32,
    pub restarts: u32,
}

impl AddAssign for JobUsage {
    /// Adds usage: processor time and restarts are summed, memory, disk and containers are maxima.
    fn add_assign(&mut self, other: Self) {
        self.memory = Ord::max(self.memory, other.memory);
        self.disk = Ord::max(self.disk, other.disk);
        self.cpu_micros += other.cpu_micros;
        self.containers = Ord::max(self.containers, other.containers);
        self.restarts += other.restarts;
    }
}

impl From<row::Model> for MetricsSample {
    fn from(row: row::Model) -> Self {
        let row::Model { job_id: _, step: _, at, tool_id: _, memory, cpu_micros, containers, restarts, disk } =
            row;
        Self {
            at: at.into(),
            memory: to_u64(memory),
            cpu_micros: to_u64(cpu_micros),
            disk: to_u64(disk),
            containers: u32::try_from(containers).unwrap_or(0),
            restarts: u32::try_from(restarts).unwrap_or(0),
        }
    }
}

impl JobStore {
    /// Records the processor time of a run so far, and returns the part that was not counted before. The
    /// caller holds the tool's lock.
    pub async fn record_cpu_time(&self, tx: &Tx, run: &str, cpu_micros: u64) -> Result<u64> {
        let Some(known) = run::row::Entity::find_by_id(run).one(&**tx).await.or_db_error()? else {
            return Ok(0);
        };
        let new = cpu_micros.saturating_sub(to_u64(known.cpu_counted));
        if new > 0 {
            run::row::Entity::update_many()
                .col_expr(run::row::Column::CpuCounted, Expr::value(to_i64(cpu_micros)))
                .filter(run::row::Column::Id.eq(run))
                .exec(&**tx)
                .await
                .or_db_error()?;
        }
        Ok(new)
    }

    /// Adds usage to the current step of each resolution and to the row for all time.
    pub async fn add_samples(
        &self,
        tx: &Tx,
        used: &BTreeMap<(ToolId, JobId), JobUsage>,
        now: Timestamp,
    ) -> Result<()> {
        let narrow = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
        let steps = SAMPLE_RESOLUTIONS.iter().map(|step| step.seconds).chain([ALL_TIME_STEP]);
        let row = |((tool, job), used): (&(ToolId, JobId), &JobUsage), step: i32| {
            let JobUsage { memory, disk, cpu_micros, containers, restarts } = *used;
            row::ActiveModel {
                job_id: Set(job.to_string()),
                step: Set(step),
                at: Set(compute_step_start(now, step).into()),
                tool_id: Set(tool.to_string()),
                memory: Set(to_i64(memory)),
                cpu_micros: Set(to_i64(cpu_micros)),
                containers: Set(narrow(containers)),
                restarts: Set(narrow(restarts)),
                disk: Set(to_i64(disk)),
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
        for rows in rows.chunks(MAX_ROWS_PER_STATEMENT) {
            let insert = row::Entity::insert_many(rows.to_vec()).on_conflict(again.clone());
            insert.exec_without_returning(&**tx).await.or_db_error()?;
        }
        Ok(())
    }

    /// Lists a job's samples since `since`, the oldest first.
    pub async fn list_job_samples(
        &self,
        job: JobId,
        step: SampleResolution,
        since: Timestamp,
    ) -> Result<Vec<MetricsSample>> {
        let query = row::Entity::find()
            .filter(row::Column::JobId.eq(job.to_string()))
            .filter(row::Column::Step.eq(step.seconds))
            .filter(row::Column::At.gte(DbTimestamp::from(since)))
            .order_by_asc(row::Column::At);
        let rows = query.all(self.db.reader()).await.or_db_error()?;
        Ok(rows.into_iter().map(MetricsSample::from).collect())
    }

    /// Lists the sums of all jobs of a tool since `since`, the oldest first.
    pub async fn list_tool_samples(
        &self,
        tool: ToolId,
        step: SampleResolution,
        since: Timestamp,
    ) -> Result<Vec<MetricsSample>> {
        let sum = |column: row::Column| sum_column(self.db.database_backend(), column);
        let rows: Vec<(DbTimestamp, i64, i64, i64, i64, i64)> = row::Entity::find()
            .select_only()
            .column(row::Column::At)
            .column_as(sum(row::Column::Memory), "memory")
            .column_as(sum(row::Column::Disk), "disk")
            .column_as(sum(row::Column::CpuMicros), "cpu_micros")
            .column_as(sum(row::Column::Containers), "containers")
            .column_as(sum(row::Column::Restarts), "restarts")
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .filter(row::Column::Step.eq(step.seconds))
            .filter(row::Column::At.gte(DbTimestamp::from(since)))
            .group_by(row::Column::At)
            .order_by_asc(row::Column::At)
            .into_tuple()
            .all(self.db.reader())
            .await
            .or_db_error()?;
        let narrow = |count: i64| u32::try_from(count).unwrap_or(0);
        let sample = |(at, memory, disk, cpu_micros, containers, restarts)| MetricsSample {
            at: DbTimestamp::into(at),
            memory: to_u64(memory),
            disk: to_u64(disk),
            cpu_micros: to_u64(cpu_micros),
            containers: narrow(containers),
            restarts: narrow(restarts),
        };
        Ok(rows.into_iter().map(sample).collect())
    }

    /// Returns each job's total, and its newest minute since `since`.
    pub async fn read_total_and_newest_samples(
        &self,
        tool: ToolId,
        since: Timestamp,
    ) -> Result<BTreeMap<JobId, (MetricsSample, Option<MetricsSample>)>> {
        let minute = SAMPLE_RESOLUTIONS[0].seconds;
        let newest = row::Column::Step.eq(minute).and(row::Column::At.gte(DbTimestamp::from(since)));
        let rows = row::Entity::find()
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .filter(row::Column::Step.eq(ALL_TIME_STEP).or(newest))
            .order_by_asc(row::Column::Step)
            .order_by_asc(row::Column::At)
            .all(self.db.reader())
            .await
            .or_db_error()?;
        let mut jobs = BTreeMap::new();
        for row in rows {
            let (job, step): (JobId, i32) = (parse_column("sample.job_id", &row.job_id)?, row.step);
            let sample = MetricsSample::from(row);
            let (_, now) = jobs.entry(job).or_insert((sample, None));
            if step == minute {
                *now = Some(sample);
            }
        }
        Ok(jobs)
    }

    /// Deletes samples beyond their retention.
    pub async fn delete_old_samples(&self, tx: &Tx, now: Timestamp) -> Result<()> {
        for SampleResolution { seconds, hours } in SAMPLE_RESOLUTIONS {
            let before = now.saturating_sub(SignedDuration::from_hours(hours.into())).unwrap_or(now);
            row::Entity::delete_many()
                .filter(row::Column::Step.eq(seconds))
                .filter(row::Column::At.lt(DbTimestamp::from(before)))
                .exec(&**tx)
                .await
                .or_db_error()?;
        }
        Ok(())
    }

    /// Deletes a job's samples.
    pub(super) async fn delete_job_samples(&self, tx: &Tx, job: JobId) -> Result<()> {
        let all = row::Entity::delete_many().filter(row::Column::JobId.eq(job.to_string()));
        all.exec(&**tx).await.or_db_error().map(|_| ())
    }
}

/// Returns the start of the step that contains `now`.
pub fn compute_step_start(now: Timestamp, step: i32) -> Timestamp {
    let second = now.as_second();
    let began = second.checked_rem_euclid(step.into()).map_or(0, |into| second - into);
    Timestamp::from_second(began).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn step_starts_at_its_multiple() {
        let now: Timestamp = "2026-05-04T13:59:59.5Z".parse().unwrap();
        assert_eq!(compute_step_start(now, 60).to_string(), "2026-05-04T13:59:00Z");
        assert_eq!(compute_step_start(now, 900).to_string(), "2026-05-04T13:45:00Z");
        assert_eq!(compute_step_start(now, 7200).to_string(), "2026-05-04T12:00:00Z");
        assert_eq!(compute_step_start(now, ALL_TIME_STEP), Timestamp::UNIX_EPOCH);
    }
}
