//! A page of a job's lines.

use hearth_base::{Cursor, Error, JobName, Kind, Result, ToolId};
use hearth_wire::logs::{LogsDirection, LogsEntry, LogsList, LogsNext, LogsQuery};
use jiff::{SignedDuration, Timestamp};

use super::{
    log_of_job,
    read::{Found, Wanted, find},
    when::instant,
};
use crate::{
    cx::Cx,
    store::{Line, Log},
};

/// How many lines a page has.
const PAGE: usize = 500;
/// How much of a log is shown to whoever does not say how much: what was written so long before its newest line.
const LATELY: SignedDuration = SignedDuration::from_hours(1);

/// A page, and what is to be said about it.
pub struct Paged {
    pub list: LogsList,
    pub info: Vec<String>,
    pub warning: Option<String>,
}

/// A page of a job's lines.
pub async fn list(cx: &Cx, tool: ToolId, job: &JobName, mut query: LogsQuery) -> Result<Paged> {
    let log = log_of_job(cx, tool, job).await?;
    let most = lines(&query)?.unwrap_or(usize::MAX);
    let mut wanted = Wanted { limit: most.min(PAGE), ..wanted(&query, cx.clock.now())? };
    let place = query.cursor.as_ref().map(Cursor::key::<i64>).transpose()?;
    match query.direction {
        LogsDirection::NewestFirst => wanted.before = place,
        LogsDirection::OldestFirst => wanted.after = place,
    }
    if query.lines.is_none() && wanted.since.is_none() && place.is_none() {
        wanted.since = lately(cx, &log, &wanted).await?;
    }
    let found = find(cx, &log, &wanted).await?;
    query.lines = query.lines.map(|_| u32::try_from(most - found.lines.len()).unwrap_or(u32::MAX));
    let next = next(&found, &query, &wanted)?;
    let mut info = Vec::new();
    if next.is_none() && log.dropped > 0 && query.direction == LogsDirection::NewestFirst {
        info.push(format!("the oldest lines of {job}, {} of them, are no longer kept", log.dropped));
    }
    let warning = found.cut.map(|then| {
        format!(
            "the search ended at lines from {then}, for there is too much to look at: go on with until={then}"
        )
    });
    Ok(Paged { list: LogsList { logs: entries(found, job)?, next }, info, warning })
}

/// How many lines are wanted at most.
pub fn lines(query: &LogsQuery) -> Result<Option<usize>> {
    match query.lines {
        Some(0) => Err(Error::new(Kind::Unprocessable, "logs-lines", "lines is 1 or more")
            .help("write it as in lines=100")),
        lines => Ok(lines.map(|lines| usize::try_from(lines).unwrap_or(usize::MAX))),
    }
}

/// The filters of a query.
pub fn wanted(query: &LogsQuery, now: Timestamp) -> Result<Wanted> {
    let time = |name, text: &Option<String>| text.as_ref().map(|text| instant(name, text, now)).transpose();
    Ok(Wanted {
        since: time("since", &query.since)?,
        until: time("until", &query.until)?,
        stream: query.stream,
        run: query.run.clone(),
        text: query.text.as_ref().filter(|text| !text.is_empty()).map(|text| text.to_lowercase()),
        order: query.direction,
        ..Wanted::default()
    })
}

/// Lines as people read them.
pub fn entries(found: Found, job: &JobName) -> Result<Vec<LogsEntry>> {
    let Found { lines, writers, .. } = found;
    let entry = |line: Line| {
        let Line { position, instance, sequence: _, time, stream, partial, text } = line;
        let writer = writers.get(&instance);
        LogsEntry {
            pod: writer.map(|writer| writer.name.clone()).unwrap_or_default(),
            container: job.to_string(),
            datetime: time,
            message: text,
            stream,
            run: writer.map(|writer| writer.run.clone()).unwrap_or_default(),
            partial,
            cursor: Cursor::after(position),
        }
    };
    Ok(lines.into_iter().map(entry).collect())
}

/// From when on lines are shown to whoever does not say.
async fn lately(cx: &Cx, log: &Log, wanted: &Wanted) -> Result<Option<Timestamp>> {
    let newest = Wanted { order: LogsDirection::NewestFirst, limit: 1, ..wanted.clone() };
    let newest = find(cx, log, &newest).await?;
    Ok(newest.lines.first().and_then(|line| line.time.checked_sub(LATELY).ok()))
}

/// The address of the next page. Times are instants there: what was said to be an hour ago stays where it was.
fn next(found: &Found, query: &LogsQuery, wanted: &Wanted) -> Result<Option<LogsNext>> {
    let Some(last) = found.lines.last().filter(|_| found.more && query.lines != Some(0)) else {
        return Ok(None);
    };
    let query = LogsQuery {
        since: wanted.since.map(|since| since.to_string()),
        until: wanted.until.map(|until| until.to_string()),
        cursor: Some(Cursor::after(last.position)),
        ..query.clone()
    };
    let query = serde_html_form::to_string(&query).map_err(Error::internal)?;
    Ok(Some(LogsNext { url: format!("?{query}") }))
}
