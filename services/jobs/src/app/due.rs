//! Jobs that are due: begun, skipped or missed, each written down, and the next time found, in one change.

use hearth_base::Result;
use hearth_kit::db::Tx;
use hearth_wire::jobs::{Concurrency, RunState};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{
    launch::{self, Start},
    plan, schedule,
};
use crate::{
    cx::Cx,
    store::{Cause, Job, Kind},
};

/// The most jobs of one change.
const BATCH: u64 = 100;
/// The most missed times of one job that are written down one by one.
const MISSED: usize = 20;

/// Does what is due now. Whether there may be more.
pub async fn turn(cx: &Cx) -> Result<bool> {
    let now = cx.now();
    let tx = cx.store.begin().await?;
    let jobs = cx.store.jobs_due(&tx, now, BATCH).await?;
    let more = jobs.len() as u64 == BATCH;
    if jobs.is_empty() {
        return Ok(false);
    }
    for job in jobs {
        one(cx, &tx, job, now).await?;
    }
    cx.store.commit(tx).await?;
    Ok(more)
}

async fn one(cx: &Cx, tx: &Tx, mut job: Job, now: Timestamp) -> Result<()> {
    let (Kind::Scheduled(actual), Some(due)) = (job.kind.clone(), job.next_due) else { return Ok(()) };
    let zone = schedule::zone(job.spec.timezone.as_deref())?;
    let deadline = job.spec.starting_deadline.unwrap_or(schedule::DEADLINE);
    let times = times(&actual, &zone, due, now)?;
    let (late, latest) = split(&times, deadline, now);
    for at in late.iter().rev().take(MISSED).rev() {
        let behind = now.duration_since(*at).as_secs();
        let reason = format!("it could start only {behind} seconds late, and may {deadline}");
        launch::none(cx, tx, &job, RunState::Missed, *at, reason).await?;
    }
    if let Some(at) = latest {
        start(cx, tx, &mut job, at).await?;
    }
    job.last_due = times.last().copied().or(Some(due));
    job.next_due = schedule::next(&actual, &zone, now)?;
    cx.store.job_save(tx, &job).await
}

/// The due times from `due` to `now`; of very many, the newest.
fn times(actual: &str, zone: &TimeZone, due: Timestamp, now: Timestamp) -> Result<Vec<Timestamp>> {
    // Beyond this, they are too many to be written down in any case.
    let month = now.saturating_sub(SignedDuration::from_hours(24)).unwrap_or(now);
    let mut times = vec![due];
    let mut at = due.max(month);
    while let Some(next) = schedule::next(actual, zone, at)?.filter(|next| *next <= now) {
        times.push(next);
        at = next;
    }
    Ok(times)
}

/// Those that are too late, and the newest that is not; of several that are not, only the newest is begun.
fn split(times: &[Timestamp], deadline: u32, now: Timestamp) -> (Vec<Timestamp>, Option<Timestamp>) {
    let limit = SignedDuration::from_secs(deadline.into());
    let is_late = |at: &Timestamp| now.duration_since(*at) > limit;
    let late = times.iter().copied().filter(is_late).collect();
    (late, times.last().copied().filter(|at| !is_late(at)))
}

async fn start(cx: &Cx, tx: &Tx, job: &mut Job, at: Timestamp) -> Result<()> {
    let Some(name) = cx.store.tool_name_in(tx, job.tool).await? else { return Ok(()) };
    let runs = cx.store.job_runs_in(tx, job.id).await?;
    match job.spec.concurrency.unwrap_or(Concurrency::Forbid) {
        Concurrency::Forbid if runs => {
            let reason = "the run before still ran".to_owned();
            return launch::none(cx, tx, job, RunState::Skipped, at, reason).await;
        }
        Concurrency::Replace if runs => {
            for workload in cx.store.workloads_in(tx, job.tool, Some(job.id)).await? {
                launch::stop(cx, tx, workload).await?;
            }
        }
        _ => {}
    }
    match plan::plan(&job.spec, &name, &job.image, job.restart, &cx.settings) {
        Ok(plan) => {
            let start = Start { cause: Cause::Schedule, attempt: 1, due: Some(at), at: cx.now() };
            launch::run(cx, tx, job, plan, start).await
        }
        // One job that cannot be planned is no hindrance to the others of its batch.
        Err(error) => launch::none(cx, tx, job, RunState::Skipped, at, error.to_string()).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_too_late_is_missed_and_the_newest_is_begun() {
        let now = at("2026-01-01T10:05:20Z");
        let times = times("* * * * *", &TimeZone::UTC, at("2026-01-01T10:03:00Z"), now).unwrap();
        assert_eq!(times.len(), 3);
        let (late, latest) = split(&times, 30, now);
        assert_eq!(late, [at("2026-01-01T10:03:00Z"), at("2026-01-01T10:04:00Z")]);
        assert_eq!(latest, Some(at("2026-01-01T10:05:00Z")));
        assert_eq!(split(&times, 10, now).1, None);
    }

    #[test]
    fn years_of_missed_times_cost_a_day_of_them() {
        let times =
            times("* * * * *", &TimeZone::UTC, at("2020-01-01T00:00:00Z"), at("2026-01-01T00:00:00Z"));
        assert_eq!(times.unwrap().len(), 1441);
    }
}
