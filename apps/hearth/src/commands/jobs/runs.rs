//! `hearth jobs runs NAME`: lists the runs of a job.

use std::time::Duration;

use hearth_base::{JobName, PageLimit, Result};
use hearth_wire::{
    jobs::{Run, RunEnd, RunState, RunsList},
    reply::Paging,
};

use crate::{
    context::CommandContext,
    job_calls::send_about_job,
    printer::{Cell, Table},
    time,
    usage_chart::format_memory,
};

/// The arguments of `hearth jobs runs`.
#[derive(Debug, clap::Args)]
pub struct ListRunsArgs {
    /// The job
    name: JobName,
    /// Show only this many, newest first
    #[arg(long, short, value_name = "COUNT", default_value_t = 20)]
    last: u32,
}

/// Lists the runs, the newest first.
pub async fn run(cx: &CommandContext, args: ListRunsArgs) -> Result<()> {
    let result = cx.printer.open_output::<Run>()?;
    let ListRunsArgs { name, last } = args;
    let session = cx.open_tool_session()?;
    let paging = Paging { limit: PageLimit::new(last)?, cursor: None };
    let RunsList { runs, next } = send_about_job(
        &session,
        &name,
        session.client().jobs().list_runs(session.tool_name(), &name, &paging),
    )
    .await?;
    let mut table = Table::with_headings(&["began", "took", "memory", "cpu time", "cause", "state", "run"]);
    for run in &runs {
        let ran = run.started.zip(run.ended);
        table.add_row([
            Cell::from(run.started.or(run.due).unwrap_or(run.created)),
            Cell::from(ran.map(|(from, to)| time::format_elapsed(from, to)).unwrap_or_default()),
            Cell::from(ran.map(|_| format_memory(run.peak_memory)).unwrap_or_default()),
            Cell::from(
                ran.map(|_| time::format_duration(Duration::from_micros(run.cpu_micros))).unwrap_or_default(),
            ),
            Cell::from(run.cause.as_str()),
            Cell::from(describe_run_state(run)),
            Cell::from(run.id.as_str()),
        ]);
    }
    result.print_list(&runs, &table)?;
    if runs.is_empty() {
        cx.printer.print_note(&format!("{name} has not run yet."));
    }
    if next.is_some() {
        print_cut_note(cx, &name, "runs", last);
    }
    Ok(())
}

/// Says that older items of a list were left out, and how to list them.
pub fn print_cut_note(cx: &CommandContext, name: &JobName, list: &str, last: u32) {
    cx.printer.print_note(&format!("Only the newest {last} are listed; there are older ones."));
    let more = last.saturating_mul(5).min(PageLimit::MAX_ITEMS);
    if more > last {
        cx.printer.print_next(&format!("hearth jobs {list} {name} --last {more}"));
    }
}

/// Describes the state or the end of a run in a few words.
pub fn describe_run_state(run: &Run) -> String {
    let reason =
        |word: &str| run.reason.as_ref().map_or(word.to_owned(), |reason| format!("{word}: {reason}"));
    match (run.state, run.end) {
        (RunState::Waiting, _) => reason("waiting"),
        (RunState::Starting, _) => "starting".to_owned(),
        (RunState::Running, _) => "running".to_owned(),
        (RunState::Ended, Some(RunEnd::Exited)) => match run.exit_code {
            Some(0) => "succeeded".to_owned(),
            Some(status) => format!("failed: exit status {status}"),
            None => "ended".to_owned(),
        },
        (RunState::Ended, Some(RunEnd::Stopped)) if run.replaced => "replaced".to_owned(),
        (RunState::Ended, Some(RunEnd::Stopped)) => "stopped".to_owned(),
        (RunState::Ended, Some(RunEnd::Killed)) => match run.signal {
            Some(signal) => format!("failed: signal {signal}"),
            None => "failed: killed".to_owned(),
        },
        (RunState::Ended, Some(RunEnd::OutOfMemory)) => reason("failed: out of memory"),
        (RunState::Ended, Some(RunEnd::TimedOut)) => "failed: timed out".to_owned(),
        (RunState::Ended, Some(RunEnd::Unhealthy)) => reason("unhealthy"),
        (RunState::Ended, Some(RunEnd::NotStarted)) => reason("could not start"),
        (RunState::Ended, Some(RunEnd::Lost) | None) => reason("unknown"),
    }
}
