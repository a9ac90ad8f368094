//! What an event is about: what sort it is, who is told of it, and in which words.

use hearth_base::ToolId;
use hearth_wire::{
    jobs::{
        Emails, JobType, Run, RunEnd,
        internal::{DueTold, JobsEvent, RunTold},
    },
    notify::EventType,
};
use jiff::SignedDuration;
use serde_json::{Value, json};

/// Whoever ran so long was not one of a row of crashes.
const RAN_WELL: SignedDuration = SignedDuration::from_hours(1);

/// The tool that an event is about; nothing for what is not told to people.
pub fn tool(event: &JobsEvent) -> Option<ToolId> {
    match event {
        JobsEvent::RunBegan(told) | JobsEvent::RunEnded(told) => Some(told.tool),
        JobsEvent::DueMissed(told) => Some(told.tool),
        JobsEvent::RouteChanged(_) | JobsEvent::RouteRemoved { .. } => None,
    }
}

/// What sort of event it is.
pub fn sort(event: &JobsEvent) -> Option<EventType> {
    match event {
        JobsEvent::RunBegan(_) => Some(EventType::RunStarted),
        JobsEvent::RunEnded(told) => Some(end(told)),
        JobsEvent::DueMissed(_) => Some(EventType::DueMissed),
        JobsEvent::RouteChanged(_) | JobsEvent::RouteRemoved { .. } => None,
    }
}

fn end(told: &RunTold) -> EventType {
    match &told.run {
        run if run.end == Some(RunEnd::Stopped) => EventType::RunStopped,
        // What is to be kept running should not end by itself, in whatever way.
        run if run.end == Some(RunEnd::Exited) && run.exit_code == Some(0) && !is_kept(told) => {
            EventType::RunSucceeded
        }
        _ => EventType::RunFailed,
    }
}

fn is_kept(told: &RunTold) -> bool {
    matches!(told.job_type, JobType::Continuous | JobType::Webservice)
}

/// Whether an event is worth a mail, by what the job's maintainers wish.
pub fn wants_mail(event: &JobsEvent) -> bool {
    match event {
        JobsEvent::DueMissed(told) => told.emails != Emails::None,
        JobsEvent::RunBegan(told) => told.emails == Emails::All && (!is_kept(told) || told.run.attempt == 1),
        JobsEvent::RunEnded(told) => match (told.emails, end(told)) {
            (Emails::None, _) => false,
            (wish, EventType::RunFailed) if is_kept(told) => wish != Emails::None && is_news(&told.run),
            // Of a try that is followed by another, only those hear who want to hear everything.
            (Emails::OnFailure, sort) => sort == EventType::RunFailed && !told.again,
            // What is kept running is stopped at each deployment.
            (Emails::OnFinish, EventType::RunStopped) => !is_kept(told),
            (Emails::OnFinish, _) => !told.again,
            (Emails::All, _) => true,
        },
        JobsEvent::RouteChanged(_) | JobsEvent::RouteRemoved { .. } => false,
    }
}

/// Whether an end of what is kept running is news: the first, the third (it is called failed then), the tenth, the
/// hundredth and so on; and each that comes after it ran for long.
fn is_news(run: &Run) -> bool {
    let attempt = run.attempt;
    let power_of_ten = attempt >= 10 && attempt == 10_u32.pow(attempt.ilog10());
    let long = match (run.started, run.ended) {
        (Some(started), Some(ended)) => ended.duration_since(started) >= RAN_WELL,
        _ => false,
    };
    matches!(attempt, 0 | 1 | 3) || power_of_ten || long
}

/// What happened, behind the job's name: `failed: exit status 1`.
pub fn said(event: &JobsEvent) -> String {
    match event {
        JobsEvent::RunBegan(_) => "started".to_owned(),
        JobsEvent::RunEnded(told) => match end(told) {
            EventType::RunSucceeded => "succeeded".to_owned(),
            EventType::RunStopped => "was stopped".to_owned(),
            _ if is_kept(told) && told.run.attempt >= 3 => {
                format!("keeps failing: {}, {} times", why(&told.run), told.run.attempt)
            }
            _ => format!("failed: {}", why(&told.run)),
        },
        JobsEvent::DueMissed(DueTold { count: 1, .. }) => "missed a due time".to_owned(),
        JobsEvent::DueMissed(DueTold { count, .. }) => format!("missed {count} due times"),
        JobsEvent::RouteChanged(_) | JobsEvent::RouteRemoved { .. } => String::new(),
    }
}

fn why(run: &Run) -> String {
    match (run.end, run.exit_code, run.signal) {
        (Some(RunEnd::Exited), Some(code), _) => format!("exit status {code}"),
        (Some(RunEnd::Killed), _, Some(signal)) => format!("signal {signal}"),
        (Some(RunEnd::OutOfMemory), ..) => "out of memory".to_owned(),
        (Some(RunEnd::TimedOut), ..) => "out of time".to_owned(),
        (Some(RunEnd::Unhealthy), ..) => "it was not well".to_owned(),
        (Some(RunEnd::NotStarted), ..) => "it could not be started".to_owned(),
        (Some(RunEnd::Lost), ..) => "what became of it is not known".to_owned(),
        _ => "it ended".to_owned(),
    }
}

/// What webhooks are told: the `data` of a payload.
pub fn data(event: &JobsEvent) -> Value {
    match event {
        JobsEvent::RunBegan(told) | JobsEvent::RunEnded(told) => {
            let RunTold { tool, name, job_type, emails: _, again, run } = told;
            json!({ "tool": name, "tool_id": tool, "job": run.job, "job_type": job_type, "again": again, "run": run })
        }
        JobsEvent::DueMissed(told) => {
            let DueTold { tool, name, job, emails: _, first, last, count, reason, in_a_row } = told;
            json!({ "tool": name, "tool_id": tool, "job": job, "first": first, "last": last, "count": count,
                "reason": reason, "in_a_row": in_a_row })
        }
        JobsEvent::RouteChanged(_) | JobsEvent::RouteRemoved { .. } => Value::Null,
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A run of `hello`'s job `tidy` that ended with a status.
    pub fn ended(job_type: JobType, emails: Emails, code: i32, attempt: u32) -> RunTold {
        let run = json!({
            "id": "run_1", "job": "tidy", "cause": "schedule", "attempt": attempt, "state": "ended",
            "created": "2026-05-04T12:00:00Z", "started": "2026-05-04T12:00:01Z",
            "ended": "2026-05-04T12:00:05Z", "end": "exited", "exit_code": code,
            "reason": format!("it ended with status {code}"), "cpu_micros": 0, "peak_memory": 0,
            "ready": false, "last_lines": ["one", "two"],
        });
        RunTold {
            tool: "tool_00000000000000000000000001".parse().unwrap(),
            name: "hello".parse().unwrap(),
            job_type,
            emails,
            again: false,
            run: serde_json::from_value(run).unwrap(),
        }
    }

    #[test]
    fn a_mail_goes_out_when_the_job_says() {
        let told = |emails, code| wants_mail(&JobsEvent::RunEnded(ended(JobType::OneOff, emails, code, 1)));
        assert_eq!([told(Emails::None, 1), told(Emails::None, 0)], [false, false]);
        assert_eq!([told(Emails::OnFailure, 1), told(Emails::OnFailure, 0)], [true, false]);
        assert_eq!([told(Emails::OnFinish, 1), told(Emails::OnFinish, 0)], [true, true]);
        assert_eq!([told(Emails::All, 1), told(Emails::All, 0)], [true, true]);
        let began = |emails| wants_mail(&JobsEvent::RunBegan(ended(JobType::OneOff, emails, 0, 1)));
        assert_eq!([began(Emails::OnFinish), began(Emails::All)], [false, true]);
    }

    #[test]
    fn a_try_that_is_followed_by_another_is_told_to_those_who_want_all() {
        let told = |emails| {
            let failed = RunTold { again: true, ..ended(JobType::Scheduled, emails, 1, 1) };
            wants_mail(&JobsEvent::RunEnded(failed))
        };
        assert_eq!([Emails::OnFailure, Emails::OnFinish, Emails::All].map(told), [false, false, true]);
    }

    #[test]
    fn a_row_of_crashes_is_told_ever_more_seldom_and_a_crash_after_a_good_while_at_once() {
        let crash = |attempt| ended(JobType::Continuous, Emails::OnFailure, 1, attempt);
        let told: Vec<u32> =
            (1..=1000).filter(|attempt| wants_mail(&JobsEvent::RunEnded(crash(*attempt)))).collect();
        assert_eq!(told, [1, 3, 10, 100, 1000]);
        let mut late = crash(7);
        late.run.started = Some("2026-05-04T10:00:00Z".parse().unwrap());
        assert!(wants_mail(&JobsEvent::RunEnded(late)));
    }

    #[test]
    fn what_is_kept_running_fails_when_it_ends_and_is_stopped_without_a_mail() {
        let mut told = ended(JobType::Continuous, Emails::OnFinish, 0, 1);
        assert_eq!(sort(&JobsEvent::RunEnded(told.clone())), Some(EventType::RunFailed));
        told.run.end = Some(RunEnd::Stopped);
        assert_eq!(sort(&JobsEvent::RunEnded(told.clone())), Some(EventType::RunStopped));
        assert!(!wants_mail(&JobsEvent::RunEnded(told.clone())));
        told.job_type = JobType::OneOff;
        assert!(wants_mail(&JobsEvent::RunEnded(told)));
    }
}
