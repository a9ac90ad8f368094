//! The status of a job: a short status for programs, and messages for users.
//!
//! | job | condition, in this order | short status |
//! |---|---|---|
//! | continuous | paused, asleep | pending |
//! | continuous | a container runs and is ready | running |
//! | continuous | containers run, none is ready | pending |
//! | continuous | reconcile failed | pending |
//! | continuous | the newest run ended, 3 or more consecutive ends | failed |
//! | continuous | otherwise | pending |
//! | one-off, scheduled | no run yet, waiting or starting | pending |
//! | one-off, scheduled | the newest run runs | running |
//! | one-off, scheduled | the newest run ended | succeeded or failed |

use hearth_wire::jobs::{JobStatus, StatusShort};
use jiff::Timestamp;

use crate::{
    app::{runs::outcome, scheduling::due::CONSECUTIVE_MISSED_THRESHOLD},
    store::{Job, JobKind, Run, StoredRunState, Workload},
};

/// Minimum number of consecutive ends for the status `failed` of a continuous job.
const MIN_ENDS_FOR_FAILED: u32 = 3;

/// Rows from which the status of a job is computed.
#[derive(Debug, Clone, Copy)]
pub struct JobFacts<'a> {
    pub job: &'a Job,
    /// The workload of its set, or of its newest run.
    pub workload: Option<&'a Workload>,
    /// Its active runs.
    pub alive: &'a [&'a Run],
    /// Its newest run.
    pub last: Option<&'a Run>,
    /// True if its containers run with outdated variables.
    pub outdated: bool,
}

/// Computes the status of a job, and its two sentences for older clients.
pub fn compute_status(facts: JobFacts<'_>, now: Timestamp) -> (JobStatus, (String, String)) {
    // A replaced container that is being stopped does not count for the job's status.
    let alive: Vec<&Run> =
        facts.alive.iter().filter(|run| !run.is_replaced_by(facts.alive)).copied().collect();
    let facts = JobFacts { alive: &alive, ..facts };
    let (short, mut messages, since) = match facts.job.kind {
        JobKind::Continuous(_) => describe_continuous(facts),
        JobKind::OneOff | JobKind::Scheduled(_) => describe_last_run(facts),
    };
    let job = facts.job;
    let current = |run: &&&Run| run.generation == job.generation;
    let up_to_date = match job.kind {
        JobKind::Continuous(_) => {
            facts.workload.is_some_and(Workload::is_applied)
                && facts.alive.iter().filter(current).count() == facts.alive.len()
                && job.newer_image.is_none()
        }
        JobKind::OneOff | JobKind::Scheduled(_) => true,
    };
    let schedule = job.schedule();
    let schedule_message = describe_schedule(job);
    messages.extend(schedule_message.clone());
    if facts.outdated {
        let message = "its variables have changed since it started; restart it to apply them";
        messages.push(message.to_owned());
    }
    let image_changed = matches!(job.kind, JobKind::Continuous(_)) && job.newer_image.is_some();
    if image_changed {
        let message = "its image has changed since it started; restart it to use the new one";
        messages.push(message.to_owned());
    }
    let duration = format_duration(now.duration_since(since).as_secs().max(0));
    let status = JobStatus {
        short,
        duration: duration.clone(),
        up_to_date,
        envvars_changed: facts.outdated,
        image_changed,
        ready: u32::try_from(facts.alive.iter().filter(|run| run.ready).count()).unwrap_or(u32::MAX),
        generation: job.generation,
        previous_schedule: schedule.and_then(|schedule| schedule.last_due),
        next_schedule: schedule.and_then(|schedule| schedule.next_due),
        paused: job.paused,
        asleep: job.asleep,
        run: job.last_run.clone(),
        messages,
    };
    let words = build_legacy_status(job, &status, schedule_message.as_deref().unwrap_or_default());
    (status, words)
}

/// Short status, messages, and the time since which it applies.
type ShortStatus = (StatusShort, Vec<String>, Timestamp);

fn describe_continuous(facts: JobFacts<'_>) -> ShortStatus {
    let JobFacts { job, workload, alive, last, .. } = facts;
    let wanted = job.spec.replica_count();
    let running: Vec<_> = alive.iter().filter(|run| run.state == StoredRunState::Running).collect();
    let last_error = workload.and_then(|workload| workload.last_error.clone());
    if let Some(since) = job.paused {
        let ending = if alive.is_empty() { "" } else { "; its containers are being stopped" };
        let message = format!("it is paused{ending}");
        return (StatusShort::Pending, vec![message], since);
    }
    if let Some(since) = job.asleep {
        return (StatusShort::Pending, vec!["the next visit of its page wakes it".to_owned()], since);
    }
    if let Some(oldest) = running.iter().filter_map(|run| run.started).min() {
        let ready = running.iter().filter(|run| run.ready).count();
        let mut messages: Vec<String> = last_error.into_iter().collect();
        if ready < usize::from(wanted) {
            messages.push(format!("{ready} of {wanted} are ready"));
            messages.extend(running.iter().find_map(|run| run.reason.clone()));
        } else if let Some(next) = running.iter().find(|run| !run.ready) {
            messages.push("new containers are not ready yet; old ones stay in use".to_owned());
            messages.extend(next.reason.clone());
        }
        // A container whose check has not passed is not in use yet.
        let short = if ready > 0 { StatusShort::Running } else { StatusShort::Pending };
        return (short, messages, oldest);
    }
    if let Some(last_error) = last_error {
        return (StatusShort::Pending, vec![last_error], job.changed);
    }
    // The end of a container of an earlier definition says nothing about the present one.
    match last.filter(|last| last.has_ended() && last.generation >= job.generation && !last.replaced) {
        Some(last) => {
            let ends = last.count_consecutive_ends();
            let since = last.ended.unwrap_or(job.changed);
            let reason = outcome::describe_end(last);
            let message = format!(
                "{reason}; it has ended {ends} times in a row and is restarted after a growing pause"
            );
            let short = if ends >= MIN_ENDS_FOR_FAILED { StatusShort::Failed } else { StatusShort::Pending };
            (short, std::iter::once(message).chain(describe_last_output(last)).collect(), since)
        }
        None => (StatusShort::Pending, vec!["it is being started".to_owned()], job.changed),
    }
}

fn describe_last_run(facts: JobFacts<'_>) -> ShortStatus {
    let JobFacts { job, workload, last, .. } = facts;
    let Some(last) = last else {
        // `describe_schedule` says that a paused job waits for nothing.
        let waits = job.paused.is_none().then(|| "it waits for its next due time".to_owned());
        return (StatusShort::Pending, waits.into_iter().collect(), job.changed);
    };
    let reason = Some(outcome::describe_end(last)).filter(|reason| !reason.is_empty());
    match last.state {
        StoredRunState::Waiting => {
            let last_error = workload.and_then(|workload| workload.last_error.clone());
            let retry = (last.attempt > 1)
                .then(|| format!("it failed and will be retried (attempt {})", last.attempt));
            let message = last_error.or(retry).unwrap_or_else(|| "it waits for its start".to_owned());
            (StatusShort::Pending, vec![message], last.created)
        }
        StoredRunState::Starting => {
            (StatusShort::Pending, vec!["it is being started".to_owned()], last.created)
        }
        StoredRunState::Running => (StatusShort::Running, Vec::new(), last.started.unwrap_or(last.created)),
        StoredRunState::Ended => {
            let short = if last.is_success() { StatusShort::Succeeded } else { StatusShort::Failed };
            let wrote = describe_last_output(last).filter(|_| !last.is_success());
            (short, reason.into_iter().chain(wrote).collect(), last.ended.unwrap_or(last.created))
        }
    }
}

/// Describes the last output of a run, if it wrote any and no line of it is named as the reason.
fn describe_last_output(run: &Run) -> Option<String> {
    let lines = run.tail.lines();
    (!lines.is_empty() && outcome::find_error_line(run).is_none())
        .then(|| format!("Its last output: {}", lines.join(" | ")))
}

/// Describes why a schedule starts no runs: it is paused or has missed due times.
fn describe_schedule(job: &Job) -> Option<String> {
    let consecutive_missed = job.schedule()?.consecutive_missed;
    if job.paused.is_some() {
        return Some("it is paused: its due times are skipped until it is resumed".to_owned());
    }
    (consecutive_missed >= CONSECUTIVE_MISSED_THRESHOLD)
        .then(|| format!("its last {consecutive_missed} due times had no run: see its history"))
}

fn build_legacy_status(job: &Job, status: &JobStatus, schedule_message: &str) -> (String, String) {
    let message = status.messages.join(". ");
    let duration = &status.duration;
    match (status.short, &job.kind) {
        _ if job.asleep.is_some() => {
            ("Asleep".to_owned(), join_with_colon(format!("Asleep for {duration}"), &message))
        }
        (StatusShort::Running, _) => {
            ("Running".to_owned(), join_with_colon(format!("Running for {duration}"), &message))
        }
        (StatusShort::Succeeded, JobKind::Scheduled(_)) => (
            "Waiting for scheduled time".to_owned(),
            join_with_colon(format!("Last run succeeded {duration} ago"), schedule_message),
        ),
        (StatusShort::Succeeded, _) => ("Completed".to_owned(), format!("Completed {duration} ago")),
        (StatusShort::Failed, _) => {
            ("Failed".to_owned(), join_with_colon(format!("Failed {duration} ago"), &message))
        }
        (StatusShort::Pending, JobKind::Scheduled(_)) => {
            ("Waiting for scheduled time".to_owned(), join_with_colon("Pending".to_owned(), &message))
        }
        (StatusShort::Pending, _) => ("Pending".to_owned(), join_with_colon("Pending".to_owned(), &message)),
        (StatusShort::Unknown, _) => ("Unknown".to_owned(), "Unknown".to_owned()),
    }
}

fn join_with_colon(start: String, more: &str) -> String {
    if more.is_empty() { start } else { format!("{start}: {more}") }
}

/// Formats seconds as in `24d24h59m45s`, without units that are zero.
fn format_duration(seconds: i64) -> String {
    let parts =
        [(seconds / 86_400, 'd'), (seconds / 3600 % 24, 'h'), (seconds / 60 % 60, 'm'), (seconds % 60, 's')];
    let text: String =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect();
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_omits_zero_units() {
        assert_eq!(
            [format_duration(0), format_duration(61), format_duration(90_000), format_duration(-1)],
            ["0s", "1m1s", "1d1h", "0s"]
        );
    }
}
