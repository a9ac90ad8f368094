//! `hearth jobs history NAME`: lists the outcome of each due time.

use hearth_base::{JobName, PageLimit, Result};
use hearth_wire::{
    jobs::{DueHistory, DueOutcome, DueRecord},
    reply::Paging,
};

use super::runs::{describe_run_state, print_cut_note};
use crate::{
    context::CommandContext,
    job_calls::send_about_job,
    printer::{Cell, Table},
};

/// The arguments of `hearth jobs history`.
#[derive(Debug, clap::Args)]
pub struct ListDueTimesArgs {
    /// The job
    name: JobName,
    /// Show only this many, newest first
    #[arg(long, short, value_name = "COUNT", default_value_t = 20)]
    last: u32,
}

/// Lists the due times, the newest first.
pub async fn run(cx: &CommandContext, args: ListDueTimesArgs) -> Result<()> {
    let result = cx.printer.open_output::<DueRecord>()?;
    let ListDueTimesArgs { name, last } = args;
    let session = cx.open_tool_session()?;
    let paging = Paging { limit: PageLimit::new(last)?, cursor: None };
    let jobs = session.client().jobs();
    let listed = send_about_job(&session, &name, jobs.show_history(session.tool_name(), &name, &paging));
    let DueHistory { history, next } = listed.await?;
    let mut table = Table::with_headings(&["due", "outcome", "reason or end"]);
    for due in &history {
        let outcome = match (due.outcome, due.count) {
            (DueOutcome::Ran, _) => "ran".to_owned(),
            (DueOutcome::Skipped, count) => format_count("skipped", count),
            (DueOutcome::Missed, count) => format_count("missed", count),
        };
        let reason = due.run.as_ref().map(describe_run_state).or_else(|| due.reason.clone());
        table.add_row([
            Cell::from(format_due_time(due)),
            Cell::from(outcome),
            Cell::from(reason.unwrap_or_default()),
        ]);
    }
    result.print_list(&history, &table)?;
    if history.is_empty() {
        cx.printer.print_note(&format!("{name} has not been due yet."));
        cx.printer.print_next(&format!("hearth jobs show {name}"));
    }
    if next.is_some() {
        print_cut_note(cx, &name, "history", last);
    }
    Ok(())
}

/// Formats a due time in UTC, or the first and last of several.
fn format_due_time(due: &DueRecord) -> String {
    match due.count {
        1 => due.due.to_string(),
        _ => format!("{} to {}", due.due, due.until),
    }
}

fn format_count(word: &str, count: u64) -> String {
    match count {
        1 => word.to_owned(),
        10_000.. => format!("{word}, more than {} times", 9_999),
        count => format!("{word}, {count} times"),
    }
}
