//! The history of a job's due times.

use std::{cmp::Reverse, collections::BTreeMap};

use hearth_base::{Error, JobName, Page, Result};
use hearth_wire::{
    jobs::{self as wire, DueOutcome},
    reply::Paging,
};

use super::schedule::{self, DueSpan};
use crate::{
    app::{
        definition::{ToolScope, job_not_found_error},
        runs::view,
    },
    context::JobsContext,
    store::{Job, LedgerEntry, LedgerOutcome, Run},
};

/// Returns the ledger of a job with its runs, the newest due time first.
pub async fn read_history(
    cx: &JobsContext,
    scope: ToolScope<'_>,
    name: &JobName,
    paging: &Paging,
) -> Result<Page<wire::DueRecord>> {
    let job = cx.store.find_job(scope.tool, name).await?.ok_or_else(|| job_not_found_error(name))?;
    if job.schedule().is_none() {
        return Err(Error::invalid("job-not-scheduled", format!("job {name} has no schedule"))
            .help(format!("hearth jobs runs {name}")));
    }
    let page = cx.store.list_ledger_entries(&job, paging.limit, paging.cursor.as_ref()).await?;
    let ids = page.items.iter().filter_map(|entry| match &entry.outcome {
        LedgerOutcome::Ran(run) => Some(run.clone()),
        LedgerOutcome::Skipped(_) | LedgerOutcome::Missed(_) => None,
    });
    let mut runs: BTreeMap<String, Run> =
        cx.store.find_runs_by_id(ids.collect()).await?.into_iter().map(|run| (run.id(), run)).collect();
    let mut page = page.map(|entry| to_wire_due(entry, &mut runs));
    if paging.cursor.is_none() {
        // A pause is recorded when it ends. While it lasts, its due times come on top of the requested number
        // of entries.
        let pause = build_open_pause(cx, &job, &page.items)?;
        page.items.extend(pause);
        page.items.sort_by_key(|entry| Reverse(entry.due));
    }
    Ok(page)
}

/// Returns the due times of a pause that still lasts, without those that ran while the clock was ahead.
fn build_open_pause(cx: &JobsContext, job: &Job, newest: &[wire::DueRecord]) -> Result<Vec<wire::DueRecord>> {
    let Some(schedule) = job.schedule().filter(|_| job.paused.is_some()) else { return Ok(Vec::new()) };
    let zone = schedule::find_zone(job.spec.timezone.as_deref())?;
    let span = schedule::find_due_between(&schedule.fields, &zone, schedule.settled_until, cx.now())?;
    let Some(span) = span else { return Ok(Vec::new()) };
    let ran = newest.iter().rev().filter(|entry| entry.until >= span.first);
    let ran = ran.map(|entry| (entry.due, entry.until));
    let left = schedule::subtract_spans(&schedule.fields, &zone, span, ran)?;
    let due = left.into_iter().map(|DueSpan { first, last, count }| wire::DueRecord {
        due: first,
        until: last,
        count,
        outcome: DueOutcome::Skipped,
        reason: Some("it is paused".to_owned()),
        run: None,
    });
    Ok(due.collect())
}

fn to_wire_due(entry: LedgerEntry, runs: &mut BTreeMap<String, Run>) -> wire::DueRecord {
    let LedgerEntry { due, until, count, outcome } = entry;
    let (outcome, reason, run) = match outcome {
        LedgerOutcome::Ran(run) => (DueOutcome::Ran, None, runs.remove(&run).map(view::to_wire_run)),
        LedgerOutcome::Skipped(reason) => (DueOutcome::Skipped, Some(reason), None),
        LedgerOutcome::Missed(reason) => (DueOutcome::Missed, Some(reason), None),
    };
    wire::DueRecord { due, until, count, outcome, reason, run }
}
