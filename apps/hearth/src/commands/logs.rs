//! `hearth logs [NAME|--all]`: prints the logs of one job or of all; `-f` follows them.

mod follow;

use std::{cell::RefCell, collections::BTreeMap};

use hearth_base::{Error, JobName, Result};
use hearth_wire::{
    components::ComponentRunState,
    jobs::Job,
    logs::{LogsDirection, LogsEntry, LogsQuery, LogsStream},
};

use follow::LogFollow;

use crate::{
    context::CommandContext,
    job_calls::{find_page_job, list_jobs, send_about_job},
    tool_session::ToolSession,
};

/// The flags of `hearth logs` and `hearth jobs logs` that select lines.
#[derive(Debug, Default, clap::Args)]
pub struct LogSelection {
    /// Follow new lines
    #[arg(long, short)]
    follow: bool,
    /// Print only this many lines, the newest
    #[arg(long, short, value_name = "COUNT", aliases = ["lines", "tail"], short_alias = 'n')]
    last: Option<u32>,
    /// Print only lines after this: a time, or an age as in 1h32m
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Print only lines before this
    #[arg(long, value_name = "TIME", conflicts_with = "follow")]
    until: Option<String>,
    /// Print only lines with this text
    #[arg(long, value_name = "TEXT", conflicts_with = "regex")]
    text: Option<String>,
    /// Print only lines that match this regular expression
    #[arg(long, value_name = "REGEX")]
    regex: Option<String>,
    /// Print only standard output (out) or standard error (err)
    #[arg(long, value_name = "STREAM", value_parser = ["out", "err"], hide_possible_values = true)]
    stream: Option<String>,
    /// Print only lines of this run (see hearth jobs runs)
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
}

impl LogSelection {
    /// Selects the newest lines, and with `follow` new ones.
    pub fn newest_lines(follow: bool) -> Self {
        Self { follow, ..Self::default() }
    }
}

/// The arguments of `hearth logs`.
#[derive(Debug, clap::Args)]
pub struct PrintLogsArgs {
    /// The job; default: the published job, or the only one
    name: Option<JobName>,
    /// Print lines of all jobs, each with its job's name
    #[arg(long, conflicts_with = "name")]
    all: bool,
    #[command(flatten)]
    which: LogSelection,
}

/// Prints the logs.
pub async fn run(cx: &CommandContext, args: PrintLogsArgs) -> Result<()> {
    let session = cx.open_tool_session()?;
    let PrintLogsArgs { name, all, which } = args;
    let name = match name {
        Some(name) => Some(name),
        None if all => None,
        None => Some(choose_logged_job(&session).await?),
    };
    print_logs(cx, &session, name.as_ref(), which).await
}

/// Chooses the job whose log is printed when none is named: a tool whose first deployment failed has no job, but
/// the log of its component.
async fn choose_logged_job(session: &ToolSession<'_>) -> Result<JobName> {
    let jobs = list_jobs(session, false).await?;
    if !jobs.is_empty() {
        return choose_job(session, &jobs, "logs");
    }
    let latest = session.client().components().show_latest(session.tool_name()).await;
    let Some((component, run)) = latest.ok().and_then(|latest| latest.runs.into_iter().next()) else {
        return choose_job(session, &jobs, "logs");
    };
    if run.run_status == ComponentRunState::Skipped {
        let what =
            format!("{} has no jobs: its newest deployment ended before it started one", session.tool_name());
        return Err(Error::invalid("no-jobs", what).help("hearth build show"));
    }
    component.parse()
}

/// Chooses the job of `hearth logs` or `hearth exec` when none is named: the published one, else the only one.
pub fn choose_job(session: &ToolSession<'_>, jobs: &[Job], command: &str) -> Result<JobName> {
    if let Some(page) = find_page_job(jobs) {
        return Ok(page.name.clone());
    }
    match jobs {
        [] => {
            Err(Error::invalid("no-jobs", format!("{} has no jobs", session.tool_name()))
                .help("hearth deploy"))
        }
        [only] => Ok(only.name.clone()),
        [first, ..] => {
            let names = jobs.iter().map(|job| job.name.as_str()).collect::<Vec<_>>().join(", ");
            Err(Error::invalid("job-ambiguous", format!("{} has several jobs: {names}", session.tool_name()))
                .help(format!("hearth {command} {}", first.name)))
        }
    }
}

/// The default number of lines.
const DEFAULT_LINES: u32 = 100;

/// Prints the lines of one job, or of all, the oldest first.
pub async fn print_logs(
    cx: &CommandContext,
    session: &ToolSession<'_>,
    job: Option<&JobName>,
    which: LogSelection,
) -> Result<()> {
    // Each line is a result; the --json fields are checked before the first request.
    let stream = cx.printer.open_stream::<LogsEntry>()?;
    let LogSelection { follow, last, since, until, text, regex, stream: stream_word, run } = which;
    let all = since.is_some() && last.is_none();
    let query = LogsQuery {
        lines: (!all).then(|| last.unwrap_or(DEFAULT_LINES)),
        since,
        until,
        direction: if all { LogsDirection::OldestFirst } else { LogsDirection::NewestFirst },
        stream: stream_word.map(|of| if of == "err" { LogsStream::Err } else { LogsStream::Out }),
        run,
        text,
        regex,
        ..LogsQuery::default()
    };
    if follow {
        return LogFollow::new(session, job, query, stream).run().await;
    }
    // A search may match one piece of a long line without the next, so only unfiltered pieces are joined.
    let joins_lines = query.text.is_none() && query.regex.is_none();
    let pieces = RefCell::new(EntryJoiner::default());
    let format_printed = |entry: &LogsEntry| format_entry(entry, job.is_none());
    let show = |entry: &LogsEntry| {
        let line = if joins_lines { pieces.borrow_mut().join_entry(entry) } else { Some(entry.clone()) };
        stream.print_entry(entry, entry.datetime, line.map(|line| format_printed(&line)).as_deref())
    };
    let is_cut = print_pages(session, job, &query, show).await?;
    pieces
        .into_inner()
        .0
        .values()
        .try_for_each(|begun| stream.print_remaining_line(begun.datetime, &format_printed(begun)))?;
    if is_cut {
        print_cut_note(cx, job, query.lines.unwrap_or(DEFAULT_LINES));
    }
    Ok(())
}

/// Says that earlier lines were left out, and how to print them.
fn print_cut_note(cx: &CommandContext, job: Option<&JobName>, lines: u32) {
    cx.printer.print_note(&format!("Only the newest {lines} lines are printed; there are earlier ones."));
    let which = job.map_or("--all", JobName::as_str);
    cx.printer.print_next(&format!("hearth logs {which} --last {}", lines.saturating_mul(10)));
}

/// Joins the pieces in which the server sends long lines, up to a maximum length.
#[derive(Default)]
struct EntryJoiner(BTreeMap<(String, LogsStream), LogsEntry>);

impl EntryJoiner {
    /// The maximum length of a joined line.
    const MAX_LINE_BYTES: usize = 4 << 20;

    /// Adds a piece; returns the joined line after its last piece.
    fn join_entry(&mut self, entry: &LogsEntry) -> Option<LogsEntry> {
        let key = (entry.pod.clone(), entry.stream);
        let mut line = match self.0.remove(&key) {
            Some(begun) => LogsEntry { message: begun.message + &entry.message, ..entry.clone() },
            None => entry.clone(),
        };
        if entry.partial && line.message.len() < Self::MAX_LINE_BYTES {
            self.0.insert(key, line);
            return None;
        }
        line.partial = false;
        Some(line)
    }
}

/// Formats an entry. Hearth's own notes are marked with `[hearth]`.
fn format_entry(entry: &LogsEntry, of_all: bool) -> String {
    let job = if of_all { format!("{} | ", entry.container) } else { String::new() };
    match entry.stream {
        LogsStream::Note => format!("{job}[hearth] {}", entry.message),
        LogsStream::Out | LogsStream::Err => format!("{job}{}", entry.message),
    }
}

/// Prints all pages of a query. Returns whether lines before them were left out.
async fn print_pages(
    session: &ToolSession<'_>,
    job: Option<&JobName>,
    query: &LogsQuery,
    show: impl Fn(&LogsEntry) -> Result<()>,
) -> Result<bool> {
    let newest_first = query.direction == LogsDirection::NewestFirst;
    let logs = session.client().logs();
    let request = logs.list(session.tool_name(), job, query);
    let mut page = match job {
        Some(job) => send_about_job(session, job, request).await?,
        None => session.send(request).await?,
    }
    .data;
    let mut entries = Vec::new();
    loop {
        if newest_first {
            entries.append(&mut page.logs);
        } else {
            page.logs.iter().try_for_each(&show)?;
        }
        let Some(next) = page.next else { break };
        page = session.send(logs.next_page(session.tool_name(), job, &next.url)).await?.data;
    }
    entries.iter().rev().try_for_each(show)?;
    Ok(page.more)
}
