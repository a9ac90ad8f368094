//! `hearth jobs runs NAME`: what became of each of a job's runs.

use std::time::Duration;

use hearth_base::{JobName, Limit, Result};
use hearth_wire::{
    jobs::{Run, RunEnd, RunState},
    reply::Paging,
};

use crate::{
    chart::memory,
    context::Context,
    job_calls::ask_about_job,
    printer::{Cell, Table},
    time,
};

/// What `hearth jobs runs` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The job
    name: JobName,
    /// Only so many of the newest
    #[arg(long, short, value_name = "COUNT", default_value_t = 20)]
    last: u32,
}

/// Lists them, the newest first.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Run>()?;
    let Args { name, last } = args;
    let at = cx.at_tool()?;
    let paging = Paging { limit: Limit::new(last)?, cursor: None };
    let runs = ask_about_job(&at, &name, at.client().jobs().runs(at.name(), &name, &paging)).await?.runs;
    let mut table = Table::of(&["began", "took", "memory", "cpu time", "by", "how it ended", "run"]);
    for run in &runs {
        let ran = run.started.zip(run.ended);
        table.row([
            Cell::from(run.started.or(run.due).unwrap_or(run.created)),
            Cell::from(ran.map(|(from, to)| time::took(from, to)).unwrap_or_default()),
            Cell::from(ran.map(|_| memory(run.peak_memory)).unwrap_or_default()),
            Cell::from(ran.map(|_| time::seconds(Duration::from_micros(run.cpu_micros))).unwrap_or_default()),
            Cell::from(run.cause.as_str()),
            Cell::from(ended(run)),
            Cell::from(run.id.as_str()),
        ]);
    }
    answer.listed(&runs, &table)?;
    if runs.is_empty() {
        cx.printer.note(&format!("{name} has not run yet."));
    }
    Ok(())
}

/// How a run ended, or where it stands, in a few words.
pub fn ended(run: &Run) -> String {
    let reason =
        |word: &str| run.reason.as_ref().map_or(word.to_owned(), |reason| format!("{word}: {reason}"));
    match (run.state, run.end) {
        (RunState::Waiting, _) => reason("waits"),
        (RunState::Starting, _) => "starts".to_owned(),
        (RunState::Running, _) => "runs".to_owned(),
        (RunState::Ended, Some(RunEnd::Exited)) => match run.exit_code {
            Some(0) => "well".to_owned(),
            Some(status) => format!("failed: exit status {status}"),
            None => "over".to_owned(),
        },
        (RunState::Ended, Some(RunEnd::Stopped)) => "stopped".to_owned(),
        (RunState::Ended, Some(RunEnd::Killed)) => match run.signal {
            Some(signal) => format!("failed: signal {signal}"),
            None => "failed: killed".to_owned(),
        },
        (RunState::Ended, Some(RunEnd::OutOfMemory)) => reason("failed: out of memory"),
        (RunState::Ended, Some(RunEnd::TimedOut)) => "failed: it took too long".to_owned(),
        (RunState::Ended, Some(RunEnd::Unhealthy)) => reason("unhealthy"),
        (RunState::Ended, Some(RunEnd::NotStarted)) => reason("could not start"),
        (RunState::Ended, Some(RunEnd::Lost) | None) => reason("unknown"),
    }
}
