//! A job's log in the format of Toolforge's clients: one JSON object per line.

use axum::{
    body::Body,
    http::header,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::{Stream, stream};
use hearth_base::{Error, ErrorKind, JobName, PageLimit, Result, ToolId, ToolName};
use hearth_kit::{ApiError, Authed, Param, Query};
use hearth_wire::{
    jobs::JobsLogsQuery,
    logs::{
        LogsDirection, LogsEntry, LogsEntrySource,
        internal::{LogsKept, LogsOwner, LogsPage, LogsReadQuery},
    },
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    app::definition::{command::OutputFiles, job_not_found_error, plan},
    context::JobsContext,
    rights::JobsRead,
    store::Job,
};

/// Maximum duration of a stream. The client then opens another one, whose request is authorized again.
const MAX_STREAM_DURATION: SignedDuration = SignedDuration::from_mins(15);
/// Time for which a request to the log service waits for new lines.
const LONG_POLL_SECONDS: u64 = 20;

/// Read the job's log, oldest line first. With `follow`, the response continues with new lines for 15 minutes.
#[utoipa::path(get, path = "/jobs/v1/tool/{tool}/jobs/{job}/logs", tag = "jobs", operation_id = "jobs.logs",
    params(("tool" = String, Path, description = "name of the tool"),
        ("job" = String, Path, description = "name of the job"),
        JobsLogsQuery),
    responses((status = 200, body = String, content_type = "text/plain", description = "one JSON object per line"),
        (status = 404, description = "the job does not exist, has written nothing yet, or writes to files")))]
pub async fn stream_job_log(
    cx: JobsContext,
    tool: Authed<JobsRead>,
    Param(name): Param<JobName>,
    Query(query): Query<JobsLogsQuery>,
) -> Result<Response, ApiError> {
    let job = cx.store.find_job(tool.id, &name).await?.ok_or_else(|| job_not_found_error(&name))?;
    let first = read_first_page(&cx, tool.id, &job.name, query.lines).await?;
    let follow = query.follow.unwrap_or(false);
    if first.lines.is_empty() {
        check_log_not_in_files(&job, &tool.name)?;
        // A client that follows waits for the first line.
        if !follow {
            return Err(no_log_error(&job.name, "it has written nothing yet").into());
        }
    }
    let body = Body::from_stream(stream_log_lines(cx, tool.id, job.name, first, follow));
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response())
}

/// Refuses with `no-such-log` (not found) if the output of a job goes to files: then its log stays empty.
fn check_log_not_in_files(job: &Job, tool: &ToolName) -> Result<()> {
    match plan::find_output_files(&job.spec, tool, job.image.provided)? {
        Some(OutputFiles { out, err }) => {
            let error = no_log_error(&job.name, &format!("its output goes to the files {out} and {err}"));
            Err(error.help("set filelog to false to read its log here"))
        }
        None => Ok(()),
    }
}

/// Builds the error about an empty log. Clients of Toolforge look for the first sentence.
fn no_log_error(job: &JobName, why: &str) -> Error {
    let public = format!("Job '{job}' does not have any logs available: {why}");
    Error::new(ErrorKind::NotFound, "no-such-log", public).help(format!("hearth jobs show {job}"))
}

/// Reads the first page: the newest `lines`, or the oldest lines of the log without a number. It is read before
/// the response starts, so that an error has its own status.
async fn read_first_page(
    cx: &JobsContext,
    tool: ToolId,
    job: &JobName,
    lines: Option<u32>,
) -> Result<LogsPage> {
    let mut read = LogsReadQuery::newest_first(tool, LogsOwner::Job(job.clone()));
    read.limit = PageLimit::new(lines.unwrap_or(PageLimit::MAX_ITEMS).clamp(1, PageLimit::MAX_ITEMS))?;
    if lines.is_none() {
        read.order = LogsDirection::OldestFirst;
        return cx.peers.read_log(&read).await;
    }
    let mut page = cx.peers.read_log(&read).await?;
    page.lines.reverse();
    page.next = None;
    Ok(page)
}

/// State of a stream between two pages.
struct LogStreamState {
    cx: JobsContext,
    job: JobName,
    read: LogsReadQuery,
    page: Option<LogsPage>,
    follow: bool,
    until: Timestamp,
}

/// Streams `first` and the following pages. Without `follow`, the stream ends at the end of the log.
fn stream_log_lines(
    cx: JobsContext,
    tool: ToolId,
    job: JobName,
    first: LogsPage,
    follow: bool,
) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
    let mut read = LogsReadQuery::newest_first(tool, LogsOwner::Job(job.clone()));
    (read.order, read.limit) =
        (LogsDirection::OldestFirst, PageLimit::new(PageLimit::MAX_ITEMS).unwrap_or_default());
    read.wait = follow.then_some(LONG_POLL_SECONDS);
    let until = cx.now() + MAX_STREAM_DURATION;
    stream::try_unfold(
        LogStreamState { cx, job, read, page: Some(first), follow, until },
        |mut reading| async move {
            let page = match reading.page.take() {
                Some(page) => page,
                None if reading.cx.now() >= reading.until || reading.cx.tasks.shutdown_signal().is_set() => {
                    return Ok(None);
                }
                None => reading.cx.peers.read_log(&reading.read).await?,
            };
            let text = page
                .lines
                .iter()
                .map(|line| format_entry_line(&reading.job, line))
                .collect::<Result<String>>()?;
            reading.read.after = Some(page.next.clone().unwrap_or(page.head));
            match (page.next.is_some() || reading.follow, text.is_empty()) {
                (true, _) => Ok(Some((Bytes::from(text), reading))),
                (false, false) => {
                    // The last page of a log that is not followed: the next call ends the stream.
                    reading.until = Timestamp::MIN;
                    Ok(Some((Bytes::from(text), reading)))
                }
                (false, true) => Ok(None),
            }
        },
    )
}

/// Formats an entry as a line of JSON.
fn format_entry_line(job: &JobName, stored: &LogsKept) -> Result<String> {
    let LogsKept { cursor, run, instance, line } = stored;
    let entry = LogsEntry {
        source: LogsEntrySource::RunLogs,
        pod: instance.clone(),
        container: job.to_string(),
        job_name: job.to_string(),
        datetime: line.time,
        message: line.text.clone(),
        stream: line.stream,
        run: run.clone(),
        partial: line.partial,
        cursor: cursor.clone(),
    };
    serde_json::to_string(&entry).map(|text| text + "\n").map_err(hearth_base::Error::internal)
}
