//! What became of a job's due times.

use std::{cmp::Reverse, collections::BTreeMap};

use hearth_base::{Error, JobName, Page, Result};
use hearth_wire::{
    jobs::{self as wire, DueOutcome},
    reply::Paging,
};

use super::schedule::{self, Span};
use crate::{
    app::{
        definition::{Of, no_such_job},
        runs::view,
    },
    cx::Cx,
    store::{Entry, Job, Outcome, Run},
};

/// The ledger of a job, the newest due time first, and what ran.
pub async fn of_job(cx: &Cx, of: Of<'_>, name: &JobName, paging: &Paging) -> Result<Page<wire::Due>> {
    let job = cx.store.job(of.tool, name).await?.ok_or_else(|| no_such_job(name))?;
    if job.schedule().is_none() {
        return Err(Error::invalid("job-not-scheduled", format!("{name} has no schedule"))
            .help(format!("hearth jobs runs {name}")));
    }
    let page = cx.store.ledger(&job, paging.limit, paging.cursor.as_ref()).await?;
    let ids = page.items.iter().filter_map(|entry| match &entry.outcome {
        Outcome::Ran(run) => Some(run.clone()),
        Outcome::Skipped(_) | Outcome::Missed(_) => None,
    });
    let mut runs: BTreeMap<String, Run> =
        cx.store.runs_by_id(ids.collect()).await?.into_iter().map(|run| (run.id(), run)).collect();
    let mut page = page.map(|entry| view(entry, &mut runs));
    if paging.cursor.is_none() {
        // Written down only when it is over; it is more than was asked for.
        let pause = pause(cx, &job, &page.items)?;
        page.items.extend(pause);
        page.items.sort_by_key(|entry| Reverse(entry.due));
    }
    Ok(page)
}

/// The due times of a pause that still lasts, but for those that ran when the clock was ahead.
fn pause(cx: &Cx, job: &Job, newest: &[wire::Due]) -> Result<Vec<wire::Due>> {
    let Some(schedule) = job.schedule().filter(|_| job.paused.is_some()) else { return Ok(Vec::new()) };
    let zone = schedule::zone(job.spec.timezone.as_deref())?;
    let span = schedule::between(&schedule.fields, &zone, schedule.accounted, cx.now())?;
    let Some(span) = span else { return Ok(Vec::new()) };
    let ran = newest.iter().rev().filter(|entry| entry.until >= span.first);
    let ran = ran.map(|entry| (entry.due, entry.until));
    let left = schedule::without(&schedule.fields, &zone, span, ran)?;
    let due = left.into_iter().map(|Span { first, last, count }| wire::Due {
        due: first,
        until: last,
        count,
        outcome: DueOutcome::Skipped,
        reason: Some("it is paused".to_owned()),
        run: None,
    });
    Ok(due.collect())
}

fn view(entry: Entry, runs: &mut BTreeMap<String, Run>) -> wire::Due {
    let Entry { due, until, count, outcome } = entry;
    let (outcome, reason, run) = match outcome {
        Outcome::Ran(run) => (DueOutcome::Ran, None, runs.remove(&run).map(view::run)),
        Outcome::Skipped(reason) => (DueOutcome::Skipped, Some(reason), None),
        Outcome::Missed(reason) => (DueOutcome::Missed, Some(reason), None),
    };
    wire::Due { due, until, count, outcome, reason, run }
}
