//! Lines for the services that show them in their own API.

use std::time::Duration;

use hearth_base::{Cursor, Error, Kind, Result};
use hearth_kit::wake::WakeReason;
use hearth_wire::logs::{
    LogsDirection,
    internal::{LogsKept, LogsLine, LogsOf, LogsPage, LogsRead},
};

use super::read::{Found, Wanted, find};
use crate::{
    cx::Cx,
    store::{Line, Source, log_topic},
};

/// The longest that anybody waits for lines.
const PATIENCE: u64 = 25;

/// Some lines, waiting for the first if asked to.
pub async fn show(cx: &Cx, read: LogsRead) -> Result<LogsPage> {
    let source = source(&read)?;
    let place = |cursor: &Option<Cursor>| cursor.as_ref().map(Cursor::key::<i64>).transpose();
    let wanted = Wanted {
        after: place(&read.after)?,
        before: place(&read.before)?,
        stream: read.stream,
        run: read.run.clone(),
        order: read.order,
        limit: usize::try_from(read.limit.get()).unwrap_or(usize::MAX),
        ..Wanted::default()
    };
    let deadline = tokio::time::Instant::now() + Duration::from_secs(read.wait.unwrap_or(0).min(PATIENCE));
    let mut listener = cx.store.listen_to_topics([log_topic(&source)]);
    loop {
        let page = page(cx, &source, &read, &wanted).await?;
        let is_enough = !page.lines.is_empty() || page.complete;
        if is_enough || listener.wait(deadline, &cx.stop).await != WakeReason::Changed {
            return Ok(page);
        }
    }
}

async fn page(cx: &Cx, source: &Source, read: &LogsRead, wanted: &Wanted) -> Result<LogsPage> {
    let Some(log) = cx.store.log(source).await? else {
        let head = Cursor::after(wanted.after.unwrap_or(-1));
        return Ok(LogsPage { lines: Vec::new(), next: None, head, complete: false });
    };
    // Asked before the lines are read: what is complete now has all its lines there.
    let ends = read.build.is_some() || read.run.is_some();
    let complete = ends && cx.store.instances_complete(log.id, read.run.as_deref()).await?;
    let found = find(cx, vec![log], wanted).await?;
    let last = found.last().filter(|_| found.more).map(Cursor::after);
    let goes_on = found.more && read.order == LogsDirection::OldestFirst;
    let head = Cursor::after(found.head);
    Ok(LogsPage { lines: kept(found), next: last, head, complete: complete && !goes_on })
}

fn kept(mut found: Found) -> Vec<LogsKept> {
    let lines = std::mem::take(&mut found.lines);
    let kept = |(log, line)| {
        let (run, instance) = found.writer(log, &line);
        let Line { position, instance: _, sequence, time, stream, partial, text } = line;
        let line = LogsLine { sequence, time, stream, partial, text };
        LogsKept { cursor: Cursor::after(position), run, instance, line }
    };
    lines.into_iter().map(kept).collect()
}

fn source(read: &LogsRead) -> Result<Source> {
    let of = match (&read.job, &read.build) {
        (Some(job), None) => LogsOf::Job(job.clone()),
        (None, Some(build)) => LogsOf::Build(build.clone()),
        _ => {
            return Err(Error::new(Kind::Unprocessable, "logs-of", "name either a job or a build"));
        }
    };
    Ok(Source::new(read.tool, &of))
}
