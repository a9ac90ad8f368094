//! Log lines for users.

use hearth_base::PageCursor;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::LogsStream;

/// A line as a server-sent event (HTML standard, "Server-sent events").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogsEvent {
    /// `end` for the last event, which has the position to continue from; absent (that is, `message`) for a
    /// line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// Cursor of the line, for the `Last-Event-ID` header after a broken stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The line: a JSON object as in a list.
    #[schema(content_media_type = "application/json")]
    pub data: String,
}

/// Line of a job's output. The text is unmodified, including control characters: a client that shows it in a
/// terminal or on a page must escape it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogsEntry {
    /// Kind of the line.
    #[serde(default)]
    pub source: LogsEntrySource,
    /// Name of the container.
    #[serde(default)]
    pub pod: String,
    /// Name of the job.
    #[serde(default)]
    pub container: String,
    /// Name of the job, under the key that all sources share.
    #[serde(default)]
    pub job_name: String,
    /// Time of the line.
    #[schema(value_type = String, format = DateTime)]
    pub datetime: Timestamp,
    /// Text, without the line end.
    pub message: String,
    /// Output stream.
    pub stream: LogsStream,
    /// Id of the run.
    pub run: String,
    /// True when the next line of this container and stream continues this one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// Position among the lines of the tool, for the next page or a resumed stream.
    #[schema(value_type = String)]
    pub cursor: PageCursor,
}

/// Kinds of log entries. Toolforge has two more: events of jobs and of deployments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LogsEntrySource {
    /// Line of a run's output.
    #[default]
    RunLogs,
}

/// One page of lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogsList {
    /// Lines, in the requested direction.
    pub logs: Vec<LogsEntry>,
    /// The next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<LogsNext>,
    /// True on the last page of a limited number of lines if further lines match.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub more: bool,
}

/// Reference to the next page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogsNext {
    /// URL relative to this page: a query string.
    pub url: String,
}

/// Last line of a stream that Hearth ended. It has the keys of every line, so that clients can show it as
/// one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogsStreamEnd {
    /// Reason of the end.
    pub message: String,
    /// Time of the end.
    #[schema(value_type = String, format = DateTime)]
    pub datetime: Timestamp,
    /// Always empty: the line comes from no container.
    #[serde(default)]
    pub pod: String,
    /// Always empty.
    #[serde(default)]
    pub container: String,
    /// Reason for programs: `stream-over`, or an error code.
    pub code: String,
    /// Cursor to resume the stream from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub cursor: Option<PageCursor>,
}

/// Order of lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogsDirection {
    /// Newest line first.
    #[default]
    NewestFirst,
    /// Oldest line first.
    OldestFirst,
}

/// Filter for log lines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct LogsQuery {
    /// Maximum number of lines over all pages; of a stream, the number of initial lines (default 100).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<u32>,
    /// Earliest time: an instant, or an age such as `1h32m` or `6s`. Default without `lines`: one hour before
    /// the newest line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Latest time: an instant, or an age.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Order of the lines. A stream always has the oldest line first.
    #[param(inline)]
    pub direction: LogsDirection,
    /// Only lines of this output stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub stream: Option<LogsStream>,
    /// Only lines of these kinds, separated by commas: `run-logs`, `jobs`, `deployments`. Hearth stores
    /// `run-logs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sources: Option<String>,
    /// Only lines of these jobs, separated by commas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_names: Option<String>,
    /// Only events of these deployments; Hearth stores none here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_ids: Option<String>,
    /// Only events of the deployments with these builds; Hearth stores none here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_ids: Option<String>,
    /// Only lines of this run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Only lines that contain this text, regardless of case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Only lines that match this regular expression: syntax of RE2 and the crate `regex`, without
    /// look-around and back-references. The prefix `(?i)` ignores case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regex: Option<String>,
    /// Cursor to continue from: the cursor of the last line.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub cursor: Option<PageCursor>,
}
