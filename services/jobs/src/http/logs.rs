//! A job's log, as Toolforge's clients read it: a JSON object a line.

use axum::{
    body::Body,
    http::header,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::{Stream, stream};
use hearth_base::{Error, JobName, Kind, Limit, Result, ToolId, ToolName};
use hearth_kit::{Authed, Param, Query, Refused};
use hearth_wire::{
    jobs::{JobsLogsQuery, MountMode},
    logs::{
        LogsDirection, LogsEntry, LogsEntrySource,
        internal::{LogsKept, LogsOf, LogsPage, LogsRead},
    },
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    app::definition::{command::Files, no_such_job, plan},
    cx::Cx,
    rights::JobsRead,
    store::Job,
};

/// How long a stream may go on; whoever wants more asks again, and is checked again.
const LONGEST: SignedDuration = SignedDuration::from_mins(15);
const WAIT: u64 = 20;

/// The job's log, the oldest line first; with `follow` it goes on as lines come, for a quarter of an hour.
#[utoipa::path(get, path = "/jobs/v1/tool/{tool}/jobs/{job}/logs", tag = "jobs", operation_id = "jobs.logs",
    params(("tool" = String, Path, description = "its name"), ("job" = String, Path, description = "its name"),
        JobsLogsQuery),
    responses((status = 200, body = String, content_type = "text/plain", description = "a JSON object a line"),
        (status = 404, description = "there is no such job, or its lines go to files")))]
pub async fn read(
    cx: Cx,
    tool: Authed<JobsRead>,
    Param(name): Param<JobName>,
    Query(query): Query<JobsLogsQuery>,
) -> Result<Response, Refused> {
    let job = cx.store.job(tool.id, &name).await?.ok_or_else(|| no_such_job(&name))?;
    let first = first(&cx, tool.id, &job.name, query.lines).await?;
    if first.lines.is_empty() {
        not_in_files(&job, &tool.name)?;
    }
    let body = Body::from_stream(lines(cx, tool.id, job.name, first, query.follow.unwrap_or(false)));
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response())
}

/// Refuses a job whose lines are elsewhere: nothing would ever come.
fn not_in_files(job: &Job, tool: &ToolName) -> Result<()> {
    let mounted = job.spec.mount_mode(job.image.provided) == MountMode::All;
    match plan::files(&job.spec, tool, mounted)? {
        Some(Files { out, err }) => Err(Error::new(
            Kind::NotFound,
            "no-such-log",
            format!("what the job {} writes goes to files, {out} and {err}", job.name),
        )
        .help("set filelog to false, and its lines are here")),
        None => Ok(()),
    }
}

/// The first page: the oldest lines, or so many of the newest. An error of it is still an answer of its own.
async fn first(cx: &Cx, tool: ToolId, job: &JobName, lines: Option<u32>) -> Result<LogsPage> {
    let mut read = LogsRead::of(tool, LogsOf::Job(job.clone()));
    read.limit = Limit::new(lines.unwrap_or(Limit::MAX).clamp(1, Limit::MAX))?;
    if lines.is_none() {
        read.order = LogsDirection::OldestFirst;
        return cx.neighbours.log_read(&read).await;
    }
    let mut page = cx.neighbours.log_read(&read).await?;
    page.lines.reverse();
    page.next = None;
    Ok(page)
}

struct Reading {
    cx: Cx,
    job: JobName,
    read: LogsRead,
    page: Option<LogsPage>,
    follow: bool,
    until: Timestamp,
}

fn lines(
    cx: Cx,
    tool: ToolId,
    job: JobName,
    first: LogsPage,
    follow: bool,
) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
    let mut read = LogsRead::of(tool, LogsOf::Job(job.clone()));
    (read.order, read.limit) = (LogsDirection::OldestFirst, Limit::new(Limit::MAX).unwrap_or_default());
    read.wait = follow.then_some(WAIT);
    let until = cx.now() + LONGEST;
    stream::try_unfold(
        Reading { cx, job, read, page: Some(first), follow, until },
        |mut reading| async move {
            let page = match reading.page.take() {
                Some(page) => page,
                None if reading.cx.now() >= reading.until || reading.cx.tasks.stop_sign().is_set() => {
                    return Ok(None);
                }
                None => reading.cx.neighbours.log_read(&reading.read).await?,
            };
            let text = page.lines.iter().map(|line| entry(&reading.job, line)).collect::<Result<String>>()?;
            reading.read.after = Some(page.next.clone().unwrap_or(page.head));
            match (page.next.is_some() || reading.follow, text.is_empty()) {
                (true, _) => Ok(Some((Bytes::from(text), reading))),
                (false, false) => {
                    reading.until = Timestamp::MIN;
                    Ok(Some((Bytes::from(text), reading)))
                }
                (false, true) => Ok(None),
            }
        },
    )
}

fn entry(job: &JobName, kept: &LogsKept) -> Result<String> {
    let LogsKept { cursor, run, instance, line } = kept;
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
