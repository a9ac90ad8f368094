//! Runs: executions of jobs, from the wish to the outcome. A continuous job's are its containers.

use std::net::Ipv4Addr;

use hearth_base::{Error, JobName, Result, ToolId};
use hearth_kit::db::{
    At,
    columns::{count, number, read},
};
use hearth_runtime_api::{InstanceId, WorkloadId};
use jiff::{SignedDuration, Timestamp};
use sea_orm::ActiveValue::Set;

use super::state::{Cause, RunEnd, RunState};
use crate::store::JobId;

pub mod row {
    use hearth_kit::db::At;
    use sea_orm::entity::prelude::*;

    use super::super::state::{Cause, RunEnd, RunState};

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "run")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        /// The container that it is or will be.
        pub instance: String,
        pub workload_id: String,
        pub tool_id: String,
        pub job_id: String,
        pub job_name: String,
        pub cause: Cause,
        pub attempt: i32,
        pub state: RunState,
        /// The job's generation that it is of.
        pub generation: i64,
        pub due: Option<At>,
        pub created: At,
        pub started: Option<At>,
        pub ended: Option<At>,
        pub end: Option<RunEnd>,
        pub exit_code: Option<i32>,
        pub signal: Option<i32>,
        pub reason: Option<String>,
        pub cpu_micros: i64,
        pub peak_memory: i64,
        /// So much of the processor time is in the samples.
        pub cpu_counted: i64,
        pub address: Option<String>,
        pub port: Option<i32>,
        pub ready: bool,
        /// The first line of its log that has not been taken.
        pub log_next: i64,
        /// All of its log has been taken.
        pub log_done: bool,
        /// Its last lines.
        pub tail: Option<String>,
        /// It is over, and another try follows.
        pub again: bool,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The last lines that a run wrote: few and short, to be shown with how it ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tail(Vec<String>);

impl Tail {
    /// The most lines.
    const LINES: usize = 3;
    /// The most characters of one.
    const WIDTH: usize = 200;

    /// Goes on with more lines. Empty ones say nothing.
    pub fn push<'a>(&mut self, lines: impl DoubleEndedIterator<Item = &'a str>) {
        let mut newest: Vec<String> = lines
            .rev()
            .filter(|line| !line.trim().is_empty())
            .take(Self::LINES)
            .map(|line| line.chars().take(Self::WIDTH).collect())
            .collect();
        newest.reverse();
        self.0.append(&mut newest);
        self.0.drain(..self.0.len().saturating_sub(Self::LINES));
    }

    /// The lines, the oldest first.
    pub fn lines(&self) -> &[String] {
        &self.0
    }

    fn read(column: &str) -> Self {
        Self(column.lines().map(str::to_owned).collect())
    }

    /// A line is one: it has no line feed in it.
    pub(super) fn column(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.join("\n"))
    }
}

/// What ran so long before it ended did not fail at once: the runtime counts from the beginning then, too.
const STEADY: SignedDuration = SignedDuration::from_mins(10);

/// An execution of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub instance: InstanceId,
    pub tool: ToolId,
    pub job: JobId,
    pub job_name: JobName,
    pub cause: Cause,
    pub attempt: u32,
    pub state: RunState,
    pub generation: u64,
    pub due: Option<Timestamp>,
    pub created: Timestamp,
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    pub end: Option<RunEnd>,
    pub exit_code: Option<i32>,
    pub signal: Option<i32>,
    pub reason: Option<String>,
    pub cpu_micros: u64,
    pub peak_memory: u64,
    /// So much of the processor time is in the samples.
    pub cpu_counted: u64,
    pub address: Option<Ipv4Addr>,
    /// Where its page answers there: as its job said when it began.
    pub port: Option<u16>,
    pub ready: bool,
    pub log_next: u64,
    pub log_done: bool,
    pub tail: Tail,
    /// It is over, and another try follows, or its container is started again.
    pub again: bool,
}

impl Run {
    /// Its id, as people see it: that of the run, or of the container that is kept.
    pub fn id(&self) -> String {
        id(self.instance)
    }

    /// Whether it is over, or never began.
    pub fn is_over(&self) -> bool {
        self.state == RunState::Ended
    }

    /// Whether another of these takes its place already: it was started later, and is ready.
    pub fn is_replaced_by(&self, others: &[&Self]) -> bool {
        let Self { instance, .. } = self;
        let place = |run: &Self| (run.instance.workload, run.instance.replica);
        others.iter().any(|run| place(run) == place(self) && run.instance.start > instance.start && run.ready)
    }

    /// How many times in a row what it keeps running has ended by now, itself included, if it is over: one that went
    /// on for long begins a row.
    pub fn ends_in_a_row(&self) -> u32 {
        let ran = self.started.zip(self.ended).map(|(started, ended)| ended.duration_since(started));
        if ran.is_some_and(|ran| ran >= STEADY) { 1 } else { self.attempt }
    }

    /// Whether it did what it was to do.
    pub fn is_success(&self) -> bool {
        self.end == Some(RunEnd::Exited) && self.exit_code == Some(0)
    }
}

/// The id of the run that a container is.
pub fn id(instance: InstanceId) -> String {
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
            again,
        } = row;
        Ok(Self {
            instance: read("run.instance", &instance)?,
            tool: read("run.tool_id", &tool_id)?,
            job: read("run.job_id", &job_id)?,
            job_name: read("run.job_name", &job_name)?,
            cause,
            attempt: u32::try_from(attempt).unwrap_or(1),
            state,
            generation: count(generation),
            due: due.map(Timestamp::from),
            created: created.into(),
            started: started.map(Timestamp::from),
            ended: ended.map(Timestamp::from),
            end,
            exit_code,
            signal,
            reason,
            cpu_micros: count(cpu_micros),
            peak_memory: count(peak_memory),
            cpu_counted: count(cpu_counted),
            address: address.and_then(|address| address.parse().ok()),
            port: port.and_then(|port| u16::try_from(port).ok()),
            ready,
            log_next: count(log_next),
            log_done,
            tail: tail.as_deref().map(Tail::read).unwrap_or_default(),
            again,
        })
    }
}

pub(super) fn model(run: &Run) -> row::ActiveModel {
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
        generation: Set(number(run.generation)),
        due: Set(run.due.map(At::from)),
        created: Set(run.created.into()),
        started: Set(run.started.map(At::from)),
        ended: Set(run.ended.map(At::from)),
        end: Set(run.end),
        exit_code: Set(run.exit_code),
        signal: Set(run.signal),
        reason: Set(run.reason.clone()),
        cpu_micros: Set(number(run.cpu_micros)),
        peak_memory: Set(number(run.peak_memory)),
        cpu_counted: Set(number(run.cpu_counted)),
        address: Set(run.address.map(|address| address.to_string())),
        port: Set(run.port.map(i32::from)),
        ready: Set(run.ready),
        log_next: Set(number(run.log_next)),
        log_done: Set(run.log_done),
        tail: Set(run.tail.column()),
        again: Set(run.again),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_the_last_few_lines_and_none_is_long() {
        let mut tail = Tail::default();
        assert_eq!((tail.column(), Tail::default().lines().len()), (None, 0));
        tail.push(["a", " ", "b", ""].into_iter());
        tail.push(std::iter::empty());
        assert_eq!(tail.lines(), ["a", "b"]);
        let long = "é".repeat(1000);
        tail.push(["c", &long].into_iter());
        assert_eq!(tail.lines(), ["b", "c", &"é".repeat(Tail::WIDTH)]);
        tail.push(["1", "2", "3", "4"].into_iter());
        assert_eq!(tail.lines(), ["2", "3", "4"]);
        assert_eq!(Tail::read(&tail.column().unwrap()), tail);
    }
}
