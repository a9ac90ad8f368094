//! Reading of lines for other services.

use std::time::Duration;

use hearth_base::{Error, ErrorKind, PageCursor, Result};
use hearth_kit::wake::WakeReason;
use hearth_wire::logs::{
    LogsDirection,
    internal::{LogsKept, LogsLine, LogsOwner, LogsPage, LogsReadQuery},
};

use super::search::{LineFilter, LineSearchResult, find_lines};
use crate::{
    context::LogsContext,
    store::{LogSource, StoredLine, log_topic},
};

/// The maximum wait for lines.
const MAX_WAIT_SECONDS: u64 = 25;

/// Reads a page of lines. With `wait`, it waits for the first one.
pub async fn show(cx: &LogsContext, read: LogsReadQuery) -> Result<LogsPage> {
    let source = parse_source(&read)?;
    let position =
        |cursor: &Option<PageCursor>| cursor.as_ref().map(PageCursor::parse_key::<i64>).transpose();
    let filter = LineFilter {
        after: position(&read.after)?,
        before: position(&read.before)?,
        stream: read.stream,
        run: read.run.clone(),
        order: read.order,
        limit: usize::try_from(read.limit.get()).unwrap_or(usize::MAX),
        ..LineFilter::default()
    };
    let deadline =
        tokio::time::Instant::now() + Duration::from_secs(read.wait.unwrap_or(0).min(MAX_WAIT_SECONDS));
    let mut listener = cx.store.listen_to_topics([log_topic(&source)]);
    loop {
        let page = read_page(cx, &source, &read, &filter).await?;
        let is_ready = !page.lines.is_empty() || page.complete;
        if is_ready || listener.wait(deadline, &cx.stop).await != WakeReason::Changed {
            return Ok(page);
        }
    }
}

async fn read_page(
    cx: &LogsContext,
    source: &LogSource,
    read: &LogsReadQuery,
    filter: &LineFilter,
) -> Result<LogsPage> {
    let Some(log) = cx.store.find_log(source).await? else {
        let head = PageCursor::after_key(filter.after.unwrap_or(-1));
        return Ok(LogsPage { lines: Vec::new(), next: None, head, complete: false });
    };
    // Read before the lines: if the log is complete now, all its lines are stored.
    let can_be_complete = read.build.is_some() || read.run.is_some();
    let complete = can_be_complete && cx.store.are_instances_complete(log.id, read.run.as_deref()).await?;
    let found = find_lines(cx, vec![log], filter).await?;
    let last = found.last_position().filter(|_| found.has_more).map(PageCursor::after_key);
    let has_later_lines = found.has_more && read.order == LogsDirection::OldestFirst;
    let head = PageCursor::after_key(found.head);
    Ok(LogsPage { lines: to_wire_lines(found), next: last, head, complete: complete && !has_later_lines })
}

fn to_wire_lines(mut found: LineSearchResult) -> Vec<LogsKept> {
    let lines = std::mem::take(&mut found.lines);
    let to_wire = |(log, line)| {
        let (run, instance) = found.find_writer(log, &line);
        let StoredLine { position, instance: _, sequence, time, stream, partial, text } = line;
        let line = LogsLine { sequence, time, stream, partial, text };
        LogsKept { cursor: PageCursor::after_key(position), run, instance, line }
    };
    lines.into_iter().map(to_wire).collect()
}

fn parse_source(read: &LogsReadQuery) -> Result<LogSource> {
    let of = match (&read.job, &read.build) {
        (Some(job), None) => LogsOwner::Job(job.clone()),
        (None, Some(build)) => LogsOwner::Build(build.clone()),
        _ => {
            return Err(Error::new(
                ErrorKind::Unprocessable,
                "logs-owner",
                "the query needs either a job or a build",
            ));
        }
    };
    Ok(LogSource::new(read.tool, &of))
}
