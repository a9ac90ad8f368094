//! Pages of the lines of a job or of all jobs of a tool.

use std::{collections::BTreeSet, sync::Arc};

use hearth_base::{Error, ErrorKind, JobName, PageCursor, Result, ToolId};
use hearth_wire::logs::{LogsDirection, LogsEntry, LogsEntrySource, LogsList, LogsNext, LogsQuery};
use jiff::{SignedDuration, Timestamp};

use super::{
    LogSelection,
    search::{LineFilter, LineSearchResult, find_lines},
    time_parameter::parse_instant,
};
use crate::{
    context::LogsContext,
    pattern::Pattern,
    store::{StoredLine, StoredLog},
};

/// The maximum number of lines of a page.
const MAX_LINES_PER_PAGE: usize = 500;
/// The period before the newest line that a query without a start and a number of lines covers.
const DEFAULT_PERIOD: SignedDuration = SignedDuration::from_hours(1);

/// The allowed values of the parameter `sources`.
const ENTRY_SOURCES: [&str; 3] = ["run-logs", "jobs", "deployments"];
/// The maximum number of names in the parameter `job_names`.
const MAX_JOB_NAMES: usize = 100;

/// A page with messages about it.
pub struct LogsPageResult {
    pub list: LogsList,
    pub info: Vec<String>,
    pub warning: Option<String>,
}

/// Lists a page of lines.
pub async fn list(
    cx: &LogsContext,
    tool: ToolId,
    selection: &LogSelection,
    mut query: LogsQuery,
) -> Result<LogsPageResult> {
    let logs = selection.find_requested_logs(cx, tool).await?;
    let max_lines = parse_line_limit(&query)?.unwrap_or(usize::MAX);
    let mut filter =
        LineFilter { limit: max_lines.min(MAX_LINES_PER_PAGE), ..parse_filter(&query, cx.now())? };
    let position = query.cursor.as_ref().map(PageCursor::parse_key::<i64>).transpose()?;
    match query.direction {
        LogsDirection::NewestFirst => filter.before = position,
        LogsDirection::OldestFirst => filter.after = position,
    }
    if query.lines.is_none() && filter.since.is_none() && position.is_none() {
        filter.since = find_default_start(cx, &logs, &filter).await?;
    }
    let found = find_lines(cx, logs, &filter).await?;
    let dropped: i64 = found.logs.iter().map(|log| log.dropped).sum();
    query.lines = query.lines.map(|_| u32::try_from(max_lines - found.lines.len()).unwrap_or(u32::MAX));
    let next = build_next_page_url(&found, &query, &filter)?;
    let more = found.has_more && next.is_none();
    let mut info = Vec::new();
    if filter.jobs.as_ref().is_some_and(|jobs| jobs.is_empty()) {
        info.push("the log holds lines of runs: events of jobs and of deployments are not in it".to_owned());
    }
    if next.is_none() && dropped > 0 && query.direction == LogsDirection::NewestFirst {
        let of_job = match selection {
            LogSelection::Job(job) => format!(" of {job}"),
            LogSelection::Tool => String::new(),
        };
        info.push(format!("the {dropped} oldest lines{of_job} were deleted"));
    }
    let warning = found.stopped_at.map(|then| {
        format!("the search stopped at lines from {then}, at its limit of text; continue with until={then}")
    });
    Ok(LogsPageResult { list: LogsList { logs: to_entries(found), next, more }, info, warning })
}

/// Parses the maximum of lines.
pub fn parse_line_limit(query: &LogsQuery) -> Result<Option<usize>> {
    match query.lines {
        Some(0) => {
            Err(Error::new(ErrorKind::Unprocessable, "logs-lines", "invalid lines 0: expected 1 or more")
                .help("write it as in lines=100"))
        }
        lines => Ok(lines.map(|lines| usize::try_from(lines).unwrap_or(usize::MAX))),
    }
}

/// Parses the filters of a query.
pub fn parse_filter(query: &LogsQuery, now: Timestamp) -> Result<LineFilter> {
    let pattern = match (&query.text, &query.regex) {
        (Some(_), Some(_)) => {
            let error =
                Error::new(ErrorKind::Unprocessable, "logs-regex", "text and regex exclude each other");
            return Err(error.help("search for one of them"));
        }
        (Some(text), None) if !text.is_empty() => Some(Pattern::from_text(text)?),
        (None, Some(regex)) if !regex.is_empty() => Some(Pattern::from_regex(regex)?),
        _ => None,
    };
    let time =
        |name, text: &Option<String>| text.as_ref().map(|text| parse_instant(name, text, now)).transpose();
    Ok(LineFilter {
        since: time("since", &query.since)?,
        until: time("until", &query.until)?,
        jobs: parse_job_names(query)?,
        stream: query.stream,
        run: query.run.clone(),
        pattern,
        order: query.direction,
        ..LineFilter::default()
    })
}

/// Parses the jobs of a query; `None` is every job. A query only for kinds of entries that are not stored
/// here selects no job.
fn parse_job_names(query: &LogsQuery) -> Result<Option<Arc<BTreeSet<String>>>> {
    let mut selects_no_job = query.deployment_ids.is_some() || query.build_ids.is_some();
    let sources: Vec<&str> = query.sources.as_deref().map(split_at_commas).into_iter().flatten().collect();
    if !sources.is_empty() {
        if let Some(unknown) = sources.iter().find(|source| !ENTRY_SOURCES.contains(source)) {
            let error =
                Error::new(ErrorKind::Unprocessable, "logs-source", format!("unknown source {unknown:?}"));
            return Err(error.help(format!("allowed: {}", ENTRY_SOURCES.join(","))));
        }
        selects_no_job |= !sources.contains(&"run-logs");
    }
    if selects_no_job {
        return Ok(Some(Arc::default()));
    }
    let Some(names) = query.job_names.as_ref().filter(|names| !names.is_empty()) else { return Ok(None) };
    let refuse = |public: String| {
        Err(Error::new(ErrorKind::Unprocessable, "logs-job-names", public)
            .help("write it as in job_names=one,two"))
    };
    let mut jobs = BTreeSet::new();
    for name in split_at_commas(names) {
        match name.parse::<JobName>() {
            Ok(name) => jobs.insert(name.to_string()),
            Err(error) => return refuse(format!("job_names: {}", error.public_message())),
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

/// Converts found lines to their API type.
pub fn to_entries(mut found: LineSearchResult) -> Vec<LogsEntry> {
    let lines = std::mem::take(&mut found.lines);
    let entry = |(log, line): (usize, StoredLine)| {
        let (run, pod) = found.find_writer(log, &line);
        let container = found.logs.get(log).map(|log| log.name.clone()).unwrap_or_default();
        let StoredLine { position, instance: _, sequence: _, time: datetime, stream, partial, text: message } =
            line;
        let cursor = PageCursor::after_key(position);
        let (source, job_name) = (LogsEntrySource::RunLogs, container.clone());
        LogsEntry { source, pod, container, job_name, datetime, message, stream, run, partial, cursor }
    };
    lines.into_iter().map(entry).collect()
}

/// Finds the start of the period that a query without a start covers.
async fn find_default_start(
    cx: &LogsContext,
    logs: &[StoredLog],
    filter: &LineFilter,
) -> Result<Option<Timestamp>> {
    let newest = LineFilter { order: LogsDirection::NewestFirst, limit: 1, ..filter.clone() };
    let newest = find_lines(cx, logs.to_vec(), &newest).await?;
    Ok(newest.lines.first().and_then(|(_, line)| line.time.checked_sub(DEFAULT_PERIOD).ok()))
}

/// Builds the relative URL of the next page. Relative times of the query become instants, so that later pages
/// cover the same period.
fn build_next_page_url(
    found: &LineSearchResult,
    query: &LogsQuery,
    filter: &LineFilter,
) -> Result<Option<LogsNext>> {
    let Some(last) = found.last_position().filter(|_| found.has_more && query.lines != Some(0)) else {
        return Ok(None);
    };
    let query = LogsQuery {
        since: filter.since.map(|since| since.to_string()),
        until: filter.until.map(|until| until.to_string()),
        cursor: Some(PageCursor::after_key(last)),
        ..query.clone()
    };
    let query = serde_html_form::to_string(&query).map_err(Error::internal)?;
    Ok(Some(LogsNext { url: format!("?{query}") }))
}
