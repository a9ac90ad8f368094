//! Schedules: what became of each due time, and which come next.

use hearth_base::{Cursor, JobName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Run;

/// What became of a due time of a schedule, or of several in a row that shared their fate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::Due)]
pub struct Due {
    /// The due time; of several, the first.
    #[schema(value_type = String, format = DateTime)]
    pub due: Timestamp,
    /// The last of several; the same as `due` for one.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// How many they are. 10000 stands for as many or more.
    #[schema(minimum = 1)]
    pub count: u64,
    /// What became of them.
    pub outcome: DueOutcome,
    /// Why nothing ran, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What ran: of several tries, the newest. Absent when nothing did, or when it is too long ago.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
}

/// What became of a due time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::DueOutcome)]
#[serde(rename_all = "lowercase")]
pub enum DueOutcome {
    /// A run was begun.
    Ran,
    /// It was left out on purpose: the run before still ran, or the job was paused.
    Skipped,
    /// Nobody could begin it in time.
    Missed,
}

/// What became of a job's due times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::History)]
pub struct History {
    /// The newest first; all of them, without gaps, as far back as history is kept.
    pub history: Vec<Due>,
    /// The `cursor` of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub next: Option<Cursor>,
}

/// A schedule to look at before a job gets it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ScheduleQuery {
    /// Five fields, or `@hourly` and the like.
    pub schedule: String,
    /// The job that it is for: `@daily` and the like are spread by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub job: Option<JobName>,
    /// The time zone, as in `Europe/Berlin`; UTC when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
}

/// What a schedule means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::SchedulePlan)]
pub struct SchedulePlan {
    /// When it runs, in five fields.
    pub schedule_actual: String,
    /// The time zone of these.
    pub timezone: String,
    /// The next ten due times, or all, if there are fewer.
    pub due: Vec<DueTime>,
}

/// A due time that has yet to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::DueTime)]
pub struct DueTime {
    /// When it is.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The same on a clock in the schedule's time zone (RFC 3339 with the offset from UTC).
    #[schema(format = DateTime)]
    pub local: String,
}

/// What a schedule means, in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::SchedulePlanOne)]
pub struct SchedulePlanOne {
    /// The schedule.
    pub schedule: SchedulePlan,
}
