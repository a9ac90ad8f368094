//! `hearth jobs history NAME`: what became of each due time.

use hearth_base::{JobName, Limit, Result};
use hearth_wire::{
    jobs::{Due, DueOutcome},
    reply::Paging,
};

use super::runs::ended;
use crate::{
    context::Context,
    job_calls::ask_about_job,
    printer::{Cell, Table},
};

/// What `hearth jobs history` takes.
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
    let answer = cx.printer.answer::<Due>()?;
    let Args { name, last } = args;
    let at = cx.at_tool()?;
    let paging = Paging { limit: Limit::new(last)?, cursor: None };
    let jobs = at.client().jobs();
    let history = ask_about_job(&at, &name, jobs.history(at.name(), &name, &paging)).await?.history;
    let mut table = Table::of(&["due", "what became of it", "why, or how it ended"]);
    for due in &history {
        let outcome = match (due.outcome, due.count) {
            (DueOutcome::Ran, _) => "ran".to_owned(),
            (DueOutcome::Skipped, count) => times("skipped", count),
            (DueOutcome::Missed, count) => times("missed", count),
        };
        let how = due.run.as_ref().map(ended).or_else(|| due.reason.clone());
        table.row([Cell::from(when(due)), Cell::from(outcome), Cell::from(how.unwrap_or_default())]);
    }
    answer.listed(&history, &table)?;
    if history.is_empty() {
        cx.printer.note(&format!("{name} has not been due yet."));
        cx.printer.next(&format!("hearth jobs show {name}"));
    }
    Ok(())
}

/// When it was due, to the second and in UTC; of several, from when to when.
fn when(due: &Due) -> String {
    match due.count {
        1 => due.due.to_string(),
        _ => format!("{} to {}", due.due, due.until),
    }
}

fn times(word: &str, count: u64) -> String {
    match count {
        1 => word.to_owned(),
        10_000.. => format!("{word}, more than {} times", 9_999),
        count => format!("{word}, {count} times"),
    }
}
