//! What services say to `logs`, and nobody else may.

use hearth_base::{Cursor, JobName, Limit, ToolId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{LogsDirection, LogsStream};

/// Whose lines they are: `{"job": NAME}` or `{"build": ID}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogsOf {
    /// A job's.
    Job(JobName),
    /// A build's, by its id.
    Build(String),
}

/// Where lines come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogsSource {
    /// The tool.
    #[schema(value_type = String)]
    pub tool: ToolId,
    /// Its job or build: `{"job": NAME}` or `{"build": ID}`.
    #[schema(value_type = Object)]
    pub of: LogsOf,
    /// The run, or the set that the container belongs to.
    pub run: String,
    /// The container, by the name that people know it by.
    pub instance: String,
}

/// One line, as the runtime has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogsLine {
    /// Its place in the instance's log, from 1 without gaps.
    pub sequence: u64,
    /// When it was read from the container.
    #[schema(value_type = String, format = DateTime)]
    pub time: Timestamp,
    /// Where it was written.
    pub stream: LogsStream,
    /// It goes on in the next one of the same stream.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// Its text, without its end.
    pub text: String,
}

/// Lines of one container, in order. What is known already is skipped, so a batch may be sent again; what is
/// missing before it is noted as lost. The answer comes when the lines are durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogsBatch {
    /// Where they come from.
    pub source: LogsSource,
    /// The lines: at most 10000, together at most 4 MiB.
    #[serde(default)]
    pub lines: Vec<LogsLine>,
    /// The container has ended, and these are its last lines.
    #[serde(default)]
    pub complete: bool,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogsTaken {
    /// The sequence that is expected next of this container: everything before it need not be sent again.
    pub next: u64,
}

/// Which lines a service wants to show in its own API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LogsRead {
    /// The tool.
    #[param(value_type = String)]
    pub tool: ToolId,
    /// The job, or
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub job: Option<JobName>,
    /// the build: one of the two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
    /// Only lines of that run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Only lines that were written there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub stream: Option<LogsStream>,
    /// Which line comes first: `newest_first` unless asked otherwise.
    #[serde(default)]
    #[param(inline)]
    pub order: LogsDirection,
    /// Only lines behind this place: the `head` of an earlier page, or the cursor of a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub after: Option<Cursor>,
    /// Only lines before this place: the `next` of a page that has the newest first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub before: Option<Cursor>,
    /// How long to wait when there is nothing yet and the log is not complete, in seconds: at most 25.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(maximum = 25)]
    pub wait: Option<u64>,
    /// How many lines at most: 1 to 1000, 100 when absent.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    pub limit: Limit,
}

impl LogsRead {
    /// The newest lines of a job's or build's log.
    pub fn of(tool: ToolId, of: LogsOf) -> Self {
        let (job, build) = match of {
            LogsOf::Job(job) => (Some(job), None),
            LogsOf::Build(build) => (None, Some(build)),
        };
        Self {
            tool,
            job,
            build,
            run: None,
            stream: None,
            order: LogsDirection::default(),
            after: None,
            before: None,
            wait: None,
            limit: Limit::default(),
        }
    }
}

/// A line that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogsKept {
    /// Its place in the log of the job or build.
    #[schema(value_type = String)]
    pub cursor: Cursor,
    /// The run.
    pub run: String,
    /// The container.
    pub instance: String,
    /// The line.
    #[serde(flatten)]
    pub line: LogsLine,
}

/// Some lines of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogsPage {
    /// The lines, in the order asked for.
    pub lines: Vec<LogsKept>,
    /// With the oldest first, more is there: ask again with this as `after`. With the newest first, older ones are
    /// there: ask again with this as `before`. Absent when this is all for now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub next: Option<Cursor>,
    /// Behind everything that was looked at: follow the log with this as `after`, oldest first.
    #[schema(value_type = String)]
    pub head: Cursor,
    /// Every container of the log, or of the run asked for, has ended and sent its last lines. A continuous job's
    /// log may go on after that.
    pub complete: bool,
}
