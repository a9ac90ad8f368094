//! Runs: executions of jobs, from the request to the outcome. The runs of a continuous job are its
//! containers.

use std::net::Ipv4Addr;

use hearth_base::{Error, JobName, Result, ToolId};
use hearth_kit::db::{
    DbTimestamp,
    columns::{parse_column, to_i64, to_u64},
};
use hearth_runtime_api::{InstanceId, WorkloadId};
use jiff::{SignedDuration, Timestamp};
use sea_orm::ActiveValue::Set;

use super::{
    log_tail::LogTail,
    state::{RunCause, StoredRunEnd, StoredRunProblem, StoredRunState},
};
use crate::store::JobId;

pub mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    use super::super::state::{RunCause, StoredRunEnd, StoredRunProblem, StoredRunState};

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "run")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        /// Id of its container.
        pub instance: String,
        pub workload_id: String,
        pub tool_id: String,
        pub job_id: String,
        pub job_name: String,
        pub cause: RunCause,
        pub attempt: i32,
        pub state: StoredRunState,
        /// Generation of the job that it runs.
        pub generation: i64,
        pub due: Option<DbTimestamp>,
        pub created: DbTimestamp,
        pub started: Option<DbTimestamp>,
        pub ended: Option<DbTimestamp>,
        pub end: Option<StoredRunEnd>,
        pub exit_code: Option<i32>,
        pub signal: Option<i32>,
        pub reason: Option<String>,
        pub cpu_micros: i64,
        pub peak_memory: i64,
        /// Part of the processor time that is in samples.
        pub cpu_counted: i64,
        pub address: Option<String>,
        pub port: Option<i32>,
        pub ready: bool,
        /// Sequence number of the first line of its log that is not stored.
        pub log_next: i64,
        /// True if its log is completely stored.
        pub log_done: bool,
        /// Its last lines, joined by line feeds.
        pub tail: Option<String>,
        /// True if it has ended and another attempt follows.
        pub will_retry: bool,
        pub problem: Option<StoredRunProblem>,
        pub replaced: Option<bool>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Minimum duration of a run that ends a crash loop: the runtime resets its back-off then, too.
const MIN_STABLE_RUN_TIME: SignedDuration = SignedDuration::from_mins(10);

/// An execution of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub instance: InstanceId,
    pub tool: ToolId,
    pub job: JobId,
    pub job_name: JobName,
    pub cause: RunCause,
    pub attempt: u32,
    pub state: StoredRunState,
    pub generation: u64,
    pub due: Option<Timestamp>,
    pub created: Timestamp,
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    pub end: Option<StoredRunEnd>,
    pub exit_code: Option<i32>,
    pub signal: Option<i32>,
    pub reason: Option<String>,
    pub cpu_micros: u64,
    pub peak_memory: u64,
    /// Part of the processor time that is in samples.
    pub cpu_counted: u64,
    pub address: Option<Ipv4Addr>,
    /// Port of its page: the job's port when the run was created.
    pub port: Option<u16>,
    pub ready: bool,
    pub log_next: u64,
    pub log_done: bool,
    pub tail: LogTail,
    /// True if it has ended and another attempt follows, or its replica gets another container.
    pub will_retry: bool,
    /// The problem of a running container that is not ready.
    pub problem: Option<StoredRunProblem>,
    /// True if it was stopped because a newer container took its place.
    pub replaced: bool,
}

impl Run {
    /// Its id in the API: the id of the run, or of the container of a set.
    pub fn id(&self) -> String {
        format_run_id(self.instance)
    }

    /// Returns whether it has ended, with or without a start.
    pub fn has_ended(&self) -> bool {
        self.state == StoredRunState::Ended
    }

    /// Returns whether another of these runs has replaced it: a later container of its replica that is ready.
    pub fn is_replaced_by(&self, others: &[&Self]) -> bool {
        let place = |run: &Self| (run.instance.workload, run.instance.replica);
        // After a rollback, the ready container is the older one, with the newer generation.
        let age = |run: &Self| (run.generation, run.instance.start);
        others.iter().any(|run| place(run) == place(self) && age(run) > age(self) && run.ready)
    }

    /// Returns the count of consecutive ends of its replica, including its own; 1 after a run of
    /// [`MIN_STABLE_RUN_TIME`].
    pub fn count_consecutive_ends(&self) -> u32 {
        let ran = self.started.zip(self.ended).map(|(started, ended)| ended.duration_since(started));
        if ran.is_some_and(|ran| ran >= MIN_STABLE_RUN_TIME) { 1 } else { self.attempt }
    }

    /// Returns whether it ended with exit status 0.
    pub fn is_success(&self) -> bool {
        self.end == Some(StoredRunEnd::Exited) && self.exit_code == Some(0)
    }
}

/// Returns the id of the run of this instance.
pub fn format_run_id(instance: InstanceId) -> String {
    match instance.workload {
        WorkloadId::Run(run) => run.to_string(),
        WorkloadId::Set(_) => instance.to_string(),
    }
}

impl TryFrom<row::Model> for Run {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model {
            id: _,
            instance,
            workload_id: _,
            tool_id,
            job_id,
            job_name,
            cause,
            attempt,
            state,
            generation,
            due,
            created,
            started,
            ended,
            end,
            exit_code,
            signal,
            reason,
            cpu_micros,
            peak_memory,
            cpu_counted,
            address,
            port,
            ready,
            log_next,
            log_done,
            tail,
            will_retry,
            problem,
            replaced,
        } = row;
        Ok(Self {
            instance: parse_column("run.instance", &instance)?,
            tool: parse_column("run.tool_id", &tool_id)?,
            job: parse_column("run.job_id", &job_id)?,
            job_name: parse_column("run.job_name", &job_name)?,
            cause,
            attempt: u32::try_from(attempt).unwrap_or(1),
            state,
            generation: to_u64(generation),
            due: due.map(Timestamp::from),
            created: created.into(),
            started: started.map(Timestamp::from),
            ended: ended.map(Timestamp::from),
            end,
            exit_code,
            signal,
            reason,
            cpu_micros: to_u64(cpu_micros),
            peak_memory: to_u64(peak_memory),
            cpu_counted: to_u64(cpu_counted),
            address: address.and_then(|address| address.parse().ok()),
            port: port.and_then(|port| u16::try_from(port).ok()),
            ready,
            log_next: to_u64(log_next),
            log_done,
            tail: tail.as_deref().map(LogTail::from_column).unwrap_or_default(),
            will_retry,
            problem,
            replaced: replaced.unwrap_or(false),
        })
    }
}

pub(super) fn to_row(run: &Run) -> row::ActiveModel {
    row::ActiveModel {
        id: Set(run.id()),
        instance: Set(run.instance.to_string()),
        workload_id: Set(run.instance.workload.to_string()),
        tool_id: Set(run.tool.to_string()),
        job_id: Set(run.job.to_string()),
        job_name: Set(run.job_name.to_string()),
        cause: Set(run.cause),
        attempt: Set(i32::try_from(run.attempt).unwrap_or(i32::MAX)),
        state: Set(run.state),
        generation: Set(to_i64(run.generation)),
        due: Set(run.due.map(DbTimestamp::from)),
        created: Set(run.created.into()),
        started: Set(run.started.map(DbTimestamp::from)),
        ended: Set(run.ended.map(DbTimestamp::from)),
        end: Set(run.end),
        exit_code: Set(run.exit_code),
        signal: Set(run.signal),
        reason: Set(run.reason.clone()),
        cpu_micros: Set(to_i64(run.cpu_micros)),
        peak_memory: Set(to_i64(run.peak_memory)),
        cpu_counted: Set(to_i64(run.cpu_counted)),
        address: Set(run.address.map(|address| address.to_string())),
        port: Set(run.port.map(i32::from)),
        ready: Set(run.ready),
        log_next: Set(to_i64(run.log_next)),
        log_done: Set(run.log_done),
        tail: Set(run.tail.to_column()),
        will_retry: Set(run.will_retry),
        problem: Set(run.problem),
        replaced: Set(Some(run.replaced)),
    }
}
