//! A page of what a job, or all of a tool, has written.

use std::{collections::BTreeSet, sync::Arc};

use hearth_base::{Cursor, Error, JobName, Kind, Result, ToolId};
use hearth_wire::logs::{LogsDirection, LogsEntry, LogsEntrySource, LogsList, LogsNext, LogsQuery};
use jiff::{SignedDuration, Timestamp};

use super::{
    Whose,
    read::{Found, Wanted, find},
    when::instant,
};
use crate::{
    cx::Cx,
    pattern::Pattern,
    store::{Line, Log},
};

/// How many lines a page has.
const PAGE: usize = 500;
/// How much of a log is shown to whoever does not say how much: what was written so long before its newest line.
const LATELY: SignedDuration = SignedDuration::from_hours(1);

/// The kinds of entries that can be asked for.
const ENTRY_SOURCES: [&str; 3] = ["run-logs", "jobs", "deployments"];
/// How many jobs a list may be narrowed to.
const MAX_JOB_NAMES: usize = 100;

/// A page, and what is to be said about it.
pub struct Paged {
    pub list: LogsList,
    pub info: Vec<String>,
    pub warning: Option<String>,
}

/// A page of lines.
pub async fn list(cx: &Cx, tool: ToolId, whose: &Whose, mut query: LogsQuery) -> Result<Paged> {
    let logs = whose.logs_asked_for(cx, tool).await?;
    let most = lines(&query)?.unwrap_or(usize::MAX);
    let mut wanted = Wanted { limit: most.min(PAGE), ..wanted(&query, cx.now())? };
    let place = query.cursor.as_ref().map(Cursor::key::<i64>).transpose()?;
    match query.direction {
        LogsDirection::NewestFirst => wanted.before = place,
        LogsDirection::OldestFirst => wanted.after = place,
    }
    if query.lines.is_none() && wanted.since.is_none() && place.is_none() {
        wanted.since = lately(cx, &logs, &wanted).await?;
    }
    let found = find(cx, logs, &wanted).await?;
    let dropped: i64 = found.logs.iter().map(|log| log.dropped).sum();
    query.lines = query.lines.map(|_| u32::try_from(most - found.lines.len()).unwrap_or(u32::MAX));
    let next = next(&found, &query, &wanted)?;
    let mut info = Vec::new();
    if wanted.jobs.as_ref().is_some_and(|jobs| jobs.is_empty()) {
        info.push("the log holds lines of runs: events of jobs and of deployments are not in it".to_owned());
    }
    if next.is_none() && dropped > 0 && query.direction == LogsDirection::NewestFirst {
        let of = match whose {
            Whose::Job(job) => format!(" of {job}"),
            Whose::Tool => String::new(),
        };
        info.push(format!("the oldest lines{of}, {dropped} of them, are no longer kept"));
    }
    let warning = found.cut.map(|then| {
        format!(
            "the search ended at lines from {then}, for there is too much to look at: go on with until={then}"
        )
    });
    Ok(Paged { list: LogsList { logs: entries(found), next }, info, warning })
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
    let pattern = match (&query.text, &query.regex) {
        (Some(_), Some(_)) => {
            let error = Error::new(Kind::Unprocessable, "logs-regex", "text and regex are both given");
            return Err(error.help("search for one of them"));
        }
        (Some(text), None) if !text.is_empty() => Some(Pattern::text(text)?),
        (None, Some(regex)) if !regex.is_empty() => Some(Pattern::regex(regex)?),
        _ => None,
    };
    let time = |name, text: &Option<String>| text.as_ref().map(|text| instant(name, text, now)).transpose();
    Ok(Wanted {
        since: time("since", &query.since)?,
        until: time("until", &query.until)?,
        jobs: named_jobs(query)?,
        stream: query.stream,
        run: query.run.clone(),
        pattern,
        order: query.direction,
        ..Wanted::default()
    })
}

/// The jobs whose lines are asked for; `None` is every job. Whoever asks only for kinds of entries that are not kept
/// here asks for no job.
fn named_jobs(query: &LogsQuery) -> Result<Option<Arc<BTreeSet<String>>>> {
    let mut is_none_wanted = query.deployment_ids.is_some() || query.build_ids.is_some();
    let sources: Vec<&str> = query.sources.as_deref().map(split_at_commas).into_iter().flatten().collect();
    if !sources.is_empty() {
        if let Some(unknown) = sources.iter().find(|source| !ENTRY_SOURCES.contains(source)) {
            let error =
                Error::new(Kind::Unprocessable, "logs-source", format!("no entry is of the kind {unknown}"));
            return Err(error.help(format!("write one or several of these: {}", ENTRY_SOURCES.join(","))));
        }
        is_none_wanted |= !sources.contains(&"run-logs");
    }
    if is_none_wanted {
        return Ok(Some(Arc::default()));
    }
    let Some(names) = query.job_names.as_ref().filter(|names| !names.is_empty()) else { return Ok(None) };
    let refuse = |public: String| {
        Err(Error::new(Kind::Unprocessable, "logs-job-names", public)
            .help("write it as in job_names=one,two"))
    };
    let mut jobs = BTreeSet::new();
    for name in split_at_commas(names) {
        match name.parse::<JobName>() {
            Ok(name) => jobs.insert(name.to_string()),
            Err(error) => return refuse(format!("job_names: {}", error.public())),
        };
    }
    if jobs.len() > MAX_JOB_NAMES {
        return refuse(format!("job_names has more than {MAX_JOB_NAMES} names"));
    }
    Ok(Some(Arc::new(jobs)))
}

fn split_at_commas(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty())
}

/// Lines as people read them.
pub fn entries(mut found: Found) -> Vec<LogsEntry> {
    let lines = std::mem::take(&mut found.lines);
    let entry = |(log, line): (usize, Line)| {
        let (run, pod) = found.writer(log, &line);
        let container = found.logs.get(log).map(|log| log.name.clone()).unwrap_or_default();
        let Line { position, instance: _, sequence: _, time: datetime, stream, partial, text: message } =
            line;
        let cursor = Cursor::after(position);
        let (source, job_name) = (LogsEntrySource::RunLogs, container.clone());
        LogsEntry { source, pod, container, job_name, datetime, message, stream, run, partial, cursor }
    };
    lines.into_iter().map(entry).collect()
}

/// From when on lines are shown to whoever does not say.
async fn lately(cx: &Cx, logs: &[Log], wanted: &Wanted) -> Result<Option<Timestamp>> {
    let newest = Wanted { order: LogsDirection::NewestFirst, limit: 1, ..wanted.clone() };
    let newest = find(cx, logs.to_vec(), &newest).await?;
    Ok(newest.lines.first().and_then(|(_, line)| line.time.checked_sub(LATELY).ok()))
}

/// The address of the next page. Times are instants there: what was said to be an hour ago stays where it was.
fn next(found: &Found, query: &LogsQuery, wanted: &Wanted) -> Result<Option<LogsNext>> {
    let Some(last) = found.last().filter(|_| found.more && query.lines != Some(0)) else {
        return Ok(None);
    };
    let query = LogsQuery {
        since: wanted.since.map(|since| since.to_string()),
        until: wanted.until.map(|until| until.to_string()),
        cursor: Some(Cursor::after(last)),
        ..query.clone()
    };
    let query = serde_html_form::to_string(&query).map_err(Error::internal)?;
    Ok(Some(LogsNext { url: format!("?{query}") }))
}
