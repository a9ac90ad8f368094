//! How a job is: in a word for programs, in sentences for people.

use hearth_wire::jobs::{JobStatus, StatusShort};
use jiff::Timestamp;

use crate::{
    app::scheduling::due::SILENT,
    store::{Job, Kind, Run, RunState, Workload},
};

/// After so many ends in a row, something that is kept running is called failed.
const MANY_ENDS: u32 = 3;

/// What is known of a job.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    pub job: &'a Job,
    /// Its set, when it is kept running, or its newest run's workload.
    pub workload: Option<&'a Workload>,
    /// Its runs that are not over.
    pub alive: &'a [&'a Run],
    /// Its newest run.
    pub last: Option<&'a Run>,
    /// It was started with variables that have changed since.
    pub outdated: bool,
}

/// How a job is, and the two sentences of older clients.
pub fn status(known: Known<'_>, now: Timestamp) -> (JobStatus, (String, String)) {
    // What has been replaced and only ends says nothing of the job any more.
    let alive: Vec<&Run> =
        known.alive.iter().filter(|run| !run.is_replaced_by(known.alive)).copied().collect();
    let known = Known { alive: &alive, ..known };
    let (short, mut messages, since) = match known.job.kind {
        Kind::Kept(_) => kept(known),
        Kind::OneOff | Kind::Scheduled(_) => once(known),
    };
    let job = known.job;
    let current = |run: &&&Run| run.generation == job.generation;
    let up_to_date = match job.kind {
        Kind::Kept(_) => {
            known.workload.is_some_and(Workload::is_told)
                && known.alive.iter().filter(current).count() == known.alive.len()
                && job.newer.is_none()
        }
        Kind::OneOff | Kind::Scheduled(_) => true,
    };
    let schedule = job.schedule();
    let beside = beside(job);
    messages.extend(beside.clone());
    if known.outdated {
        let said = "its variables have changed since it started; a restart gives it the new ones";
        messages.push(said.to_owned());
    }
    let image_changed = matches!(job.kind, Kind::Kept(_)) && job.newer.is_some();
    if image_changed {
        let said = "its image has been made anew since it started; a restart gives it the new one";
        messages.push(said.to_owned());
    }
    let duration = words(now.duration_since(since).as_secs().max(0));
    let status = JobStatus {
        short,
        duration: duration.clone(),
        up_to_date,
        envvars_changed: known.outdated,
        image_changed,
        ready: u32::try_from(known.alive.iter().filter(|run| run.ready).count()).unwrap_or(u32::MAX),
        generation: job.generation,
        previous_schedule: schedule.and_then(|schedule| schedule.last),
        next_schedule: schedule.and_then(|schedule| schedule.next),
        paused: job.paused,
        run: job.last_run.clone(),
        messages,
    };
    let words = legacy(job, &status, beside.as_deref().unwrap_or_default());
    (status, words)
}

type Short = (StatusShort, Vec<String>, Timestamp);

fn kept(known: Known<'_>) -> Short {
    let Known { job, workload, alive, last, .. } = known;
    let wanted = job.spec.replica_count();
    let running: Vec<_> = alive.iter().filter(|run| run.state == RunState::Running).collect();
    let trouble = workload.and_then(|workload| workload.trouble.clone());
    if let Some(since) = job.paused {
        let ending = if alive.is_empty() { "" } else { "; what still runs is being ended" };
        let message = format!("it is paused and runs when it is resumed{ending}");
        return (StatusShort::Pending, vec![message], since);
    }
    if let Some(oldest) = running.iter().filter_map(|run| run.started).min() {
        let ready = running.iter().filter(|run| run.ready).count();
        let mut messages: Vec<String> = trouble.into_iter().collect();
        if ready < usize::from(wanted) {
            messages.push(format!("{ready} of {wanted} are ready"));
            messages.extend(running.iter().find_map(|run| run.reason.clone()));
        } else if let Some(next) = running.iter().find(|run| !run.ready) {
            messages.push("what is new is not ready yet; what was there before goes on".to_owned());
            messages.extend(next.reason.clone());
        }
        return (StatusShort::Running, messages, oldest);
    }
    if let Some(trouble) = trouble {
        return (StatusShort::Pending, vec![trouble], job.changed);
    }
    match last.filter(|last| last.is_over()) {
        Some(last) => {
            let ends = last.ends_in_a_row();
            let since = last.ended.unwrap_or(job.changed);
            let reason = last.reason.clone().unwrap_or_default();
            let message = format!(
                "{reason}; it has ended {ends} times and is started again after a pause that grows each time"
            );
            let short = if ends >= MANY_ENDS { StatusShort::Failed } else { StatusShort::Pending };
            (short, std::iter::once(message).chain(wrote(last)).collect(), since)
        }
        None => (StatusShort::Pending, vec!["it is being started".to_owned()], job.changed),
    }
}

fn once(known: Known<'_>) -> Short {
    let Known { job, workload, last, .. } = known;
    let Some(last) = last else {
        return (StatusShort::Pending, vec!["it waits until it is due".to_owned()], job.changed);
    };
    let reason = last.reason.clone();
    match last.state {
        RunState::Waiting => {
            let trouble = workload.and_then(|workload| workload.trouble.clone());
            let again =
                (last.attempt > 1).then(|| format!("it failed and is tried again (try {})", last.attempt));
            let message = trouble.or(again).unwrap_or_else(|| "it is to be started".to_owned());
            (StatusShort::Pending, vec![message], last.created)
        }
        RunState::Starting => (StatusShort::Pending, vec!["it is being started".to_owned()], last.created),
        RunState::Running => (StatusShort::Running, Vec::new(), last.started.unwrap_or(last.created)),
        RunState::Ended => {
            let short = if last.is_success() { StatusShort::Succeeded } else { StatusShort::Failed };
            let wrote = wrote(last).filter(|_| !last.is_success());
            (short, reason.into_iter().chain(wrote).collect(), last.ended.unwrap_or(last.created))
        }
    }
}

/// What a run wrote last.
fn wrote(run: &Run) -> Option<String> {
    let lines = run.tail.lines();
    (!lines.is_empty()).then(|| format!("It wrote last: {}", lines.join(" | ")))
}

/// What is to be said of a schedule that is not followed.
fn beside(job: &Job) -> Option<String> {
    let silent = job.schedule()?.silent;
    if job.paused.is_some() {
        return Some("it is paused: its due times are left out until it is resumed".to_owned());
    }
    (silent >= SILENT).then(|| format!("its last {silent} due times brought no run: look at its history"))
}

fn legacy(job: &Job, status: &JobStatus, beside: &str) -> (String, String) {
    let said = status.messages.join(". ");
    let duration = &status.duration;
    match (status.short, &job.kind) {
        (StatusShort::Running, _) => ("Running".to_owned(), with(format!("Running for {duration}"), &said)),
        (StatusShort::Succeeded, Kind::Scheduled(_)) => (
            "Waiting for scheduled time".to_owned(),
            with(format!("Last run ended well {duration} ago"), beside),
        ),
        (StatusShort::Succeeded, _) => ("Completed".to_owned(), format!("Completed {duration} ago")),
        (StatusShort::Failed, _) => ("Failed".to_owned(), with(format!("Failed {duration} ago"), &said)),
        (StatusShort::Pending, Kind::Scheduled(_)) => {
            ("Waiting for scheduled time".to_owned(), with("Pending".to_owned(), &said))
        }
        (StatusShort::Pending, _) => ("Pending".to_owned(), with("Pending".to_owned(), &said)),
        (StatusShort::Unknown, _) => ("Unknown".to_owned(), "Unknown".to_owned()),
    }
}

fn with(start: String, more: &str) -> String {
    if more.is_empty() { start } else { format!("{start}: {more}") }
}

/// Seconds as in `24d24h59m45s`, without what is zero.
fn words(seconds: i64) -> String {
    let parts =
        [(seconds / 86_400, 'd'), (seconds / 3600 % 24, 'h'), (seconds / 60 % 60, 'm'), (seconds % 60, 's')];
    let said: String =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect();
    if said.is_empty() { "0s".to_owned() } else { said }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_names_only_what_is_there() {
        assert_eq!([words(0), words(61), words(90_000), words(-1)], ["0s", "1m1s", "1d1h", "0s"]);
    }
}
