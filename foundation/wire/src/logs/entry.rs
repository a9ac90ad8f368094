//! Lines as people read them.

use hearth_base::Cursor;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::LogsStream;

/// A line as a server-sent event (HTML standard, "Server-sent events").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogsEvent {
    /// `end` for the last one, which says where to go on; absent, and thereby `message`, for a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The line's cursor: what `Last-Event-ID` is to say when the stream breaks off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The line, a JSON object as in a list.
    #[schema(content_media_type = "application/json")]
    pub data: String,
}

/// One line that a job has written. Its text is as it was written, control characters included: whoever shows it on a
/// terminal or a page makes it safe first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogsEntry {
    /// The kind of the line.
    #[serde(default)]
    pub source: LogsEntrySource,
    /// The container that wrote it.
    #[serde(default)]
    pub pod: String,
    /// The job.
    #[serde(default)]
    pub container: String,
    /// The job too, under the name that readers of all sources look for.
    #[serde(default)]
    pub job_name: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub datetime: Timestamp,
    /// The line, without its end.
    pub message: String,
    /// Where it was written.
    pub stream: LogsStream,
    /// The run that it belongs to.
    pub run: String,
    /// It goes on in the next line of this container and stream.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// Its place among the lines of its tool: where a list or a stream goes on behind it.
    #[schema(value_type = String)]
    pub cursor: Cursor,
}

/// The kinds of entries of a log. Toolforge names two more: events of jobs and of deployments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LogsEntrySource {
    /// A line that a run of a job has written.
    #[default]
    RunLogs,
}

/// A page of lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogsList {
    /// The lines, in the direction asked for.
    pub logs: Vec<LogsEntry>,
    /// The next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<LogsNext>,
}

/// Where the next page is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogsNext {
    /// Its address, relative to this page's: a query.
    pub url: String,
}

/// The last line of a stream that Hearth ended, with the keys of every line, so that a reader of lines can show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogsStreamEnd {
    /// Why it ended.
    pub message: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub datetime: Timestamp,
    /// Empty: no container wrote this.
    #[serde(default)]
    pub pod: String,
    /// Empty.
    #[serde(default)]
    pub container: String,
    /// The reason for programs: `stream-over`, or the code of the error.
    pub code: String,
    /// Where the stream goes on when it is asked for again.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub cursor: Option<Cursor>,
}

/// Which line comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogsDirection {
    /// The newest.
    #[default]
    NewestFirst,
    /// The oldest.
    OldestFirst,
}

/// Which lines are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct LogsQuery {
    /// How many lines at most, over all pages; in a stream, how many come first (100 when absent).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<u32>,
    /// No lines from before: an instant, or how long ago, as in `1h32m` or `6s`. Absent, and with `lines` absent
    /// too: one hour before the newest line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// No lines from after: an instant, or how long ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Which line comes first. A stream's come oldest first whatever this says.
    #[param(inline)]
    pub direction: LogsDirection,
    /// Only lines that were written there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub stream: Option<LogsStream>,
    /// Only lines of these kinds, with commas between: `run-logs`, `jobs`, `deployments`. Hearth keeps `run-logs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sources: Option<String>,
    /// Only lines of these jobs, with commas between their names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_names: Option<String>,
    /// Only events of these deployments, of which Hearth keeps none here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_ids: Option<String>,
    /// Only events of the deployments with these builds, of which Hearth keeps none here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_ids: Option<String>,
    /// Only lines of that run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Only lines that hold this text, in whatever case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Only lines in which this regular expression finds something: the syntax of RE2 and of the crate `regex`,
    /// without look-around and back-references. `(?i)` before it ignores case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regex: Option<String>,
    /// Where to go on: the cursor of the last line seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub cursor: Option<Cursor>,
}
