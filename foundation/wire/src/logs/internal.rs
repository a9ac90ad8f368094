//! Calls of other services to `logs`; no other caller is allowed.

use hearth_base::{JobName, PageCursor, PageLimit, ToolId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{LogsDirection, LogsStream};

/// Owner of lines: `{"job": NAME}` or `{"build": ID}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogsOwner {
    /// A job, by its name.
    Job(JobName),
    /// A build, by its id.
    Build(String),
}

/// Origin of lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogsSource {
    /// Id of the tool.
    #[schema(value_type = String)]
    pub tool: ToolId,
    /// Job or build: `{"job": NAME}` or `{"build": ID}`.
    #[schema(value_type = Object)]
    pub of: LogsOwner,
    /// Id of the run, or of the container's set.
    pub run: String,
    /// Display name of the container.
    pub instance: String,
}

/// Line of a container's output, from the runtime.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogsLine {
    /// Sequence number within the container's log, from 1 without gaps.
    pub sequence: u64,
    /// Time of the read from the container.
    #[schema(value_type = String, format = DateTime)]
    pub time: Timestamp,
    /// Output stream.
    pub stream: LogsStream,
    /// True when the next line of the same stream continues this one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// Text, without the line end.
    pub text: String,
}

/// Lines of one container, in order. Known lines are skipped, so a batch may be repeated; a gap before the
/// batch is recorded as lost lines. The response arrives when the lines are durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogsBatch {
    /// Origin of the lines.
    pub source: LogsSource,
    /// Lines: at most 10000, together at most 4 MiB.
    #[serde(default)]
    pub lines: Vec<LogsLine>,
    /// True when the container has ended and these are its last lines.
    #[serde(default)]
    pub complete: bool,
}

/// Result of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogsTaken {
    /// Next expected sequence number of this container: earlier lines need not be sent again.
    pub next: u64,
}

/// Filter for log lines that a service shows in its own API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LogsReadQuery {
    /// Id of the tool.
    #[param(value_type = String)]
    pub tool: ToolId,
    /// Name of the job; exclusive with `build`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub job: Option<JobName>,
    /// Id of the build; exclusive with `job`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
    /// Only lines of this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Only lines of this output stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub stream: Option<LogsStream>,
    /// Order of the lines; default `newest_first`.
    #[serde(default)]
    #[param(inline)]
    pub order: LogsDirection,
    /// Only lines after this position: the `head` of an earlier page, or the cursor of a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub after: Option<PageCursor>,
    /// Only lines before this position: the `next` value of a page in `newest_first` order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub before: Option<PageCursor>,
    /// Seconds to wait when no line is available and the log is not complete: at most 25.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(maximum = 25)]
    pub wait: Option<u64>,
    /// Maximum number of lines: 1 to 1000; default 100.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    pub limit: PageLimit,
}

impl LogsReadQuery {
    /// Requests the newest lines of a job's or build's log.
    pub fn newest_first(tool: ToolId, of: LogsOwner) -> Self {
        let (job, build) = match of {
            LogsOwner::Job(job) => (Some(job), None),
            LogsOwner::Build(build) => (None, Some(build)),
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
            limit: PageLimit::default(),
        }
    }
}

/// Stored line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogsKept {
    /// Position in the log of the job or build.
    #[schema(value_type = String)]
    pub cursor: PageCursor,
    /// Id of the run.
    pub run: String,
    /// Name of the container.
    pub instance: String,
    /// The line.
    #[serde(flatten)]
    pub line: LogsLine,
}

/// One page of log lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogsPage {
    /// Lines, in the requested order.
    pub lines: Vec<LogsKept>,
    /// Position of the next page: in `oldest_first` order, pass it as `after` for later lines; in
    /// `newest_first` order, pass it as `before` for earlier lines. Absent without a next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub next: Option<PageCursor>,
    /// Position after all examined lines: pass it as `after` in `oldest_first` order to follow the log.
    #[schema(value_type = String)]
    pub head: PageCursor,
    /// True when every container of the log, or of the requested run, has ended and has sent its last lines.
    /// The log of a continuous job may continue after that.
    pub complete: bool,
}
