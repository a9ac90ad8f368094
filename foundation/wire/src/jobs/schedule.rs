//! Schedules: outcomes of past due times, and the next due times.

use hearth_base::{JobName, PageCursor};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Run;

/// Outcome of a due time, or of several consecutive ones with the same outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::Due)]
pub struct DueRecord {
    /// Due time; of several, the first.
    #[schema(value_type = String, format = DateTime)]
    pub due: Timestamp,
    /// Last due time of several; equal to `due` for one.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// Number of due times. 10000 stands for that many or more.
    #[schema(minimum = 1)]
    pub count: u64,
    /// Outcome of the due times.
    pub outcome: DueOutcome,
    /// Reason for a skipped or missed due time, as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Run of the due time; of several attempts, the newest. Absent without a run, or after its retention
    /// time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
}

/// Outcome of a due time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::DueOutcome)]
#[serde(rename_all = "lowercase")]
pub enum DueOutcome {
    /// A run was started.
    Ran,
    /// The due time was skipped on purpose: the previous run was still running, or the job was paused.
    Skipped,
    /// No run could be started in time.
    Missed,
}

/// Outcomes of a job's due times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::History)]
pub struct DueHistory {
    /// Due times, newest first, without gaps within the retention time.
    pub history: Vec<DueRecord>,
    /// Cursor of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub next: Option<PageCursor>,
}

/// Schedule to preview.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ScheduleQuery {
    /// Schedule: five fields, or `@hourly` and the like.
    pub schedule: String,
    /// Name of the job: it determines the time of `@daily` and the like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub job: Option<JobName>,
    /// Time zone, as in `Europe/Berlin`; default UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
}

/// Preview of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::SchedulePlan)]
pub struct SchedulePlan {
    /// Effective schedule, in five fields.
    pub schedule_actual: String,
    /// Time zone of the fields.
    pub timezone: String,
    /// The next ten due times, or all if there are fewer.
    pub due: Vec<DueTime>,
}

/// Future due time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::DueTime)]
pub struct DueTime {
    /// Due time.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Due time in the schedule's time zone (RFC 3339 with the offset from UTC).
    #[schema(format = DateTime)]
    pub local: String,
}

/// Preview of a schedule, with messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::SchedulePlanOne)]
pub struct SchedulePlanOne {
    /// The preview.
    pub schedule: SchedulePlan,
}
