//! `hearth logs [NAME|--all]`: what a job wrote, or all of them; with `-f`, what it writes.

use std::{cell::RefCell, collections::BTreeMap};

use hearth_base::{Error, JobName, Result};
use hearth_wire::{
    jobs::Job,
    logs::{LogsDirection, LogsEntry, LogsQuery, LogsStream, LogsStreamEnd},
};

use crate::{
    at_tool::AtTool,
    context::Context,
    job_calls::{ask_about_job, list_jobs},
    ndjson::Lines,
};

/// Which lines are wanted: what `hearth logs` and `hearth jobs logs` take.
#[derive(Debug, Default, clap::Args)]
pub struct Which {
    /// Go on with new lines as they come
    #[arg(long, short)]
    follow: bool,
    /// Only so many of the newest lines
    #[arg(long, short, value_name = "COUNT")]
    last: Option<u32>,
    /// No lines from before: a time, or how long ago, as in 1h32m
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// No lines from after
    #[arg(long, value_name = "WHEN", conflicts_with = "follow")]
    until: Option<String>,
    /// Only lines that hold this text
    #[arg(long, value_name = "TEXT", conflicts_with = "regex")]
    text: Option<String>,
    /// Only lines in which this regular expression finds something
    #[arg(long, value_name = "REGEX")]
    regex: Option<String>,
    /// Only standard output (out) or standard error (err)
    #[arg(long, value_name = "STREAM", value_parser = ["out", "err"], hide_possible_values = true)]
    stream: Option<String>,
    /// Only lines of this run (see hearth jobs runs)
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
}

impl Which {
    /// The newest lines, and perhaps those that come.
    pub fn newest(follow: bool) -> Self {
        Self { follow, ..Self::default() }
    }
}

/// What `hearth logs` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The job; absent: the tool's page, or its only job
    name: Option<JobName>,
    /// All jobs of the tool, each line with its job
    #[arg(long, conflicts_with = "name")]
    all: bool,
    #[command(flatten)]
    which: Which,
}

/// Prints them.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let at = cx.at_tool()?;
    let Args { name, all, which } = args;
    let name = match name {
        Some(name) => Some(name),
        None if all => None,
        None => Some(chosen(&at, &list_jobs(&at, false).await?)?),
    };
    print(cx, &at, name.as_ref(), which).await
}

/// The job that is meant when none is named: the tool's page, else its only one.
pub fn chosen(at: &AtTool<'_>, jobs: &[Job]) -> Result<JobName> {
    if let Some(page) = jobs.iter().find(|job| job.publish == Some(true)) {
        return Ok(page.name.clone());
    }
    match jobs {
        [] => Err(Error::invalid("no-jobs", format!("{} has no jobs, so nothing was written", at.name()))
            .help("hearth deploy")),
        [only] => Ok(only.name.clone()),
        [first, ..] => {
            let names = jobs.iter().map(|job| job.name.as_str()).collect::<Vec<_>>().join(", ");
            Err(Error::invalid("which-job", format!("{} has several jobs: {names}", at.name()))
                .help(format!("hearth logs {}", first.name)))
        }
    }
}

/// How many lines there are when nobody says how many.
const USUAL: u32 = 100;

/// Prints the lines of one job, or of all, the oldest first.
pub async fn print(cx: &Context, at: &AtTool<'_>, job: Option<&JobName>, which: Which) -> Result<()> {
    // Each line is a result; its fields are checked before the first is asked for.
    let stream = cx.printer.stream_of::<LogsEntry>()?;
    let Which { follow, last, since, until, text, regex, stream: of, run } = which;
    let all = since.is_some() && last.is_none();
    let query = LogsQuery {
        lines: (!all).then(|| last.unwrap_or(USUAL)),
        since,
        until,
        direction: if all { LogsDirection::OldestFirst } else { LogsDirection::NewestFirst },
        stream: of.map(|of| if of == "err" { LogsStream::Err } else { LogsStream::Out }),
        run,
        text,
        regex,
        ..LogsQuery::default()
    };
    // Of lines that are searched, a piece may be found without the next.
    let whole = query.text.is_none() && query.regex.is_none();
    let pieces = RefCell::new(Pieces::default());
    let printed = |entry: &LogsEntry| shown(entry, job.is_none());
    let show = |entry: &LogsEntry| {
        let line = if whole { pieces.borrow_mut().join(entry) } else { Some(entry.clone()) };
        stream.next(entry, entry.datetime, line.map(|line| printed(&line)).as_deref())
    };
    let shown =
        if follow { followed(at, job, query, show).await } else { listed(at, job, &query, show).await };
    pieces.into_inner().0.values().try_for_each(|begun| stream.rest(begun.datetime, &printed(begun)))?;
    shown
}

/// Long lines come in pieces, and are printed whole, but for those that are longer than anybody reads.
#[derive(Default)]
struct Pieces(BTreeMap<(String, LogsStream), LogsEntry>);

impl Pieces {
    /// The most bytes that are held back.
    const MOST: usize = 4 << 20;

    /// The whole line, when this is the last of it.
    fn join(&mut self, entry: &LogsEntry) -> Option<LogsEntry> {
        let key = (entry.pod.clone(), entry.stream);
        let mut line = match self.0.remove(&key) {
            Some(begun) => LogsEntry { message: begun.message + &entry.message, ..entry.clone() },
            None => entry.clone(),
        };
        if entry.partial && line.message.len() < Self::MOST {
            self.0.insert(key, line);
            return None;
        }
        line.partial = false;
        Some(line)
    }
}

/// What to type to follow them again.
fn again(job: Option<&JobName>) -> String {
    job.map_or_else(|| "hearth logs -f --all".to_owned(), |job| format!("hearth logs -f {job}"))
}

/// A line as it is printed: what Hearth says itself is told apart from what the program wrote.
fn shown(entry: &LogsEntry, of_all: bool) -> String {
    let job = if of_all { format!("{} | ", entry.container) } else { String::new() };
    match entry.stream {
        LogsStream::Note => format!("{job}[hearth] {}", entry.message),
        LogsStream::Out | LogsStream::Err => format!("{job}{}", entry.message),
    }
}

async fn listed(
    at: &AtTool<'_>,
    job: Option<&JobName>,
    query: &LogsQuery,
    show: impl Fn(&LogsEntry) -> Result<()>,
) -> Result<()> {
    let newest_first = query.direction == LogsDirection::NewestFirst;
    let logs = at.client().logs();
    let asked = logs.list(at.name(), job, query);
    let mut page = match job {
        Some(job) => ask_about_job(at, job, asked).await?,
        None => at.ask(asked).await?,
    }
    .data;
    let mut held = Vec::new();
    loop {
        if newest_first {
            held.append(&mut page.logs);
        } else {
            page.logs.iter().try_for_each(&show)?;
        }
        let Some(next) = page.next else { break };
        page = at.ask(logs.next(at.name(), job, &next.url)).await?.data;
    }
    held.iter().rev().try_for_each(show)
}

/// Follows, and goes on where it was when the server ends the stream in good order or the way to it breaks.
async fn followed(
    at: &AtTool<'_>,
    job: Option<&JobName>,
    mut query: LogsQuery,
    show: impl Fn(&LogsEntry) -> Result<()>,
) -> Result<()> {
    let logs = at.client().logs();
    let asked = logs.stream(at.name(), job, &query);
    let mut began = match job {
        Some(job) => ask_about_job(at, job, asked).await?,
        None => at.ask(asked).await?,
    };
    loop {
        let mut lines = Lines::of(began);
        let mut seen = false;
        let ended = loop {
            match lines.next().await {
                Ok(Some(line)) if line.is_empty() => {}
                Ok(Some(line)) => match Streamed::read(&line)? {
                    Streamed::Entry(entry) => {
                        show(&entry)?;
                        query.cursor = Some(entry.cursor);
                        seen = true;
                    }
                    Streamed::End(end) => {
                        query.cursor = end.cursor.or(query.cursor.take());
                        if end.code != "stream-over" {
                            return Err(Error::unavailable("stream-ended", end.message).help(again(job)));
                        }
                        seen = true;
                        break Ok(());
                    }
                },
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        // What breaks off before it says anything would break off again.
        if let (Err(error), false) = (ended, seen) {
            return Err(error.help(again(job)));
        }
        if !seen {
            return Ok(());
        }
        began = at.ask(logs.stream(at.name(), job, &query)).await?;
    }
}

/// A line of a stream.
enum Streamed {
    Entry(Box<LogsEntry>),
    End(LogsStreamEnd),
}

impl Streamed {
    fn read(line: &str) -> Result<Self> {
        if let Ok(entry) = serde_json::from_str(line) {
            return Ok(Self::Entry(Box::new(entry)));
        }
        serde_json::from_str(line).map(Self::End).map_err(|cause| {
            Error::unavailable("strange-answer", "a line of the log is not what Hearth says").because(cause)
        })
    }
}
