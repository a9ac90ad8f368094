//! Mail about events of runs and due times: decides which events are mailed and builds the text.

use hearth_wire::{
    events::{Notice, NoticeFact},
    jobs::{
        Emails, JobType, Run, RunEnd,
        events::{DueMissedData, RunEvent, RunEventData},
    },
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

/// A run of this length or longer is not part of a crash loop.
const MIN_STABLE_RUN: SignedDuration = SignedDuration::from_hours(1);

/// The last sentence of a mail: how to unsubscribe.
const OPT_OUT: &str = "To get no mail about a job, write emails: none in its definition.";

/// Returns whether a job of this type runs without an end.
pub fn is_kept_running(job_type: JobType) -> bool {
    matches!(job_type, JobType::Continuous | JobType::Webservice)
}

/// Builds the mail about an event; `None` if the job's `emails` setting excludes it.
pub fn build_notice(event: &RunEvent, emails: Emails) -> Option<Notice> {
    if !wants_mail(event, emails) {
        return None;
    }
    let (job, facts, output, command) = match event {
        RunEvent::Started(data)
        | RunEvent::Succeeded(data)
        | RunEvent::Failed(data)
        | RunEvent::Stopped(data) => (&data.job, build_run_facts(data), data.run.last_lines.clone(), "logs"),
        RunEvent::DueMissed(data) => (&data.job, build_due_facts(data), Vec::new(), "history"),
    };
    Some(Notice {
        subject: job.to_string(),
        summary: summarize_event(event),
        facts,
        output,
        next_command: Some(format!("hearth jobs {command} {job}")),
        opt_out: Some(OPT_OUT.to_owned()),
    })
}

fn wants_mail(event: &RunEvent, emails: Emails) -> bool {
    match (emails, event) {
        (Emails::None, _) => false,
        (_, RunEvent::DueMissed(_)) => true,
        (_, RunEvent::Started(data)) => {
            emails == Emails::All && (!is_kept_running(data.job_type) || data.run.attempt == 1)
        }
        (_, RunEvent::Failed(data)) if is_kept_running(data.job_type) => is_worth_mail(&data.run),
        (Emails::All, _) => true,
        // A failure that is retried is mailed only with `emails: all`.
        (Emails::OnFailure, RunEvent::Failed(data)) => !data.again,
        (Emails::OnFailure, _) => false,
        // Each deployment stops the containers of a continuous job.
        (Emails::OnFinish, RunEvent::Stopped(data)) => !is_kept_running(data.job_type),
        (Emails::OnFinish, RunEvent::Succeeded(data) | RunEvent::Failed(data)) => !data.again,
    }
}

/// Returns whether an end of a continuous job is mailed: the first, the third (the job's status is `failed`
/// then), the tenth, the hundredth and so on; and each end after a run of [`MIN_STABLE_RUN`] or longer.
fn is_worth_mail(run: &Run) -> bool {
    let attempt = run.attempt;
    let is_power_of_ten = attempt >= 10 && attempt == 10_u32.pow(attempt.ilog10());
    let ran_long = match (run.started, run.ended) {
        (Some(started), Some(ended)) => ended.duration_since(started) >= MIN_STABLE_RUN,
        _ => false,
    };
    matches!(attempt, 0 | 1 | 3) || is_power_of_ten || ran_long
}

/// Returns the predicate of a sentence whose subject is the job: `failed: exit status 1`.
fn summarize_event(event: &RunEvent) -> String {
    match event {
        RunEvent::Started(_) => "started".to_owned(),
        RunEvent::Succeeded(_) => "succeeded".to_owned(),
        RunEvent::Stopped(_) => "was stopped".to_owned(),
        RunEvent::Failed(data) if is_kept_running(data.job_type) && data.run.attempt >= 3 => {
            format!("keeps failing: {}, {} times", describe_failure(&data.run), data.run.attempt)
        }
        RunEvent::Failed(data) => format!("failed: {}", describe_failure(&data.run)),
        RunEvent::DueMissed(DueMissedData { count: 1, .. }) => "missed a due time".to_owned(),
        RunEvent::DueMissed(DueMissedData { count, .. }) => format!("missed {count} due times"),
    }
}

fn describe_failure(run: &Run) -> String {
    match (run.end, run.exit_code, run.signal) {
        (Some(RunEnd::Exited), Some(code), _) => format!("exit status {code}"),
        (Some(RunEnd::Killed), _, Some(signal)) => format!("signal {signal}"),
        (Some(RunEnd::OutOfMemory), ..) => "out of memory".to_owned(),
        (Some(RunEnd::TimedOut), ..) => "timed out".to_owned(),
        (Some(RunEnd::Unhealthy), ..) => "its health check failed".to_owned(),
        (Some(RunEnd::NotStarted), ..) => "not started".to_owned(),
        (Some(RunEnd::Lost), ..) => "outcome unknown".to_owned(),
        _ => "it ended".to_owned(),
    }
}

fn build_run_facts(data: &RunEventData) -> Vec<NoticeFact> {
    let Run { id, attempt, started, ended, reason, .. } = &data.run;
    let mut facts = Vec::new();
    facts.extend(reason.as_deref().map(|reason| NoticeFact::new("why", reason)));
    facts.push(NoticeFact::new("run", format!("{id}, attempt {attempt}")));
    facts.extend(started.map(|at| NoticeFact::new("started", format_time(at))));
    facts.extend(ended.map(|at| NoticeFact::new("ended", format_time(at))));
    if data.again {
        facts.push(NoticeFact::new("next", "it will be retried"));
    }
    facts
}

fn build_due_facts(data: &DueMissedData) -> Vec<NoticeFact> {
    let DueMissedData { first, last, count, reason, in_a_row, .. } = data;
    let until = if *count > 1 { format!(" to {}", format_time(*last)) } else { String::new() };
    let mut facts = vec![
        NoticeFact::new("why", reason.as_str()),
        NoticeFact::new("due", format!("{}{until}", format_time(*first))),
    ];
    if in_a_row > count {
        facts.push(NoticeFact::new("so far", format!("{in_a_row} consecutive due times without a run")));
    }
    facts
}

/// Formats an instant in UTC.
fn format_time(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
pub mod tests {
    use hearth_wire::jobs::JobType;
    use serde_json::json;

    use super::*;

    /// A run of `hello`'s job `tidy` that ended with an exit status.
    pub fn sample_run_data(job_type: JobType, code: i32, attempt: u32) -> RunEventData {
        let run = json!({
            "id": "run_1", "job": "tidy", "cause": "schedule", "attempt": attempt, "state": "ended",
            "created": "2026-05-04T12:00:00Z", "started": "2026-05-04T12:00:01Z",
            "ended": "2026-05-04T12:00:05Z", "end": "exited", "exit_code": code,
            "reason": format!("it ended with status {code}"), "cpu_micros": 0, "peak_memory": 0,
            "ready": false, "last_lines": ["one", "two"],
        });
        RunEventData {
            tool: "hello".parse().unwrap(),
            tool_id: "tool_00000000000000000000000001".parse().unwrap(),
            job: "tidy".parse().unwrap(),
            job_type,
            again: false,
            run: serde_json::from_value(run).unwrap(),
        }
    }

    fn fact_pairs(notice: &Notice) -> Vec<(&str, &str)> {
        notice.facts.iter().map(|fact| (fact.label.as_str(), fact.text.as_str())).collect()
    }

    #[test]
    fn notice_has_reason_run_times_and_next_command() {
        let failed = RunEvent::Failed(sample_run_data(JobType::Scheduled, 1, 1));
        let notice = build_notice(&failed, Emails::OnFailure).unwrap();
        assert_eq!((notice.subject.as_str(), notice.summary.as_str()), ("tidy", "failed: exit status 1"));
        assert_eq!(
            fact_pairs(&notice),
            [
                ("why", "it ended with status 1"),
                ("run", "run_1, attempt 1"),
                ("started", "2026-05-04 12:00:01 UTC"),
                ("ended", "2026-05-04 12:00:05 UTC"),
            ]
        );
        assert_eq!(notice.output, ["one", "two"]);
        assert_eq!(notice.next_command.as_deref(), Some("hearth jobs logs tidy"));
        assert!(notice.opt_out.unwrap().contains("emails: none"));
    }

    #[test]
    fn mail_follows_the_emails_setting() {
        let failed = RunEvent::Failed(sample_run_data(JobType::OneOff, 1, 1));
        let succeeded = RunEvent::Succeeded(sample_run_data(JobType::OneOff, 0, 1));
        let wanted = |emails| [wants_mail(&failed, emails), wants_mail(&succeeded, emails)];
        assert_eq!(wanted(Emails::None), [false, false]);
        assert_eq!(wanted(Emails::OnFailure), [true, false]);
        assert_eq!(wanted(Emails::OnFinish), [true, true]);
        assert_eq!(wanted(Emails::All), [true, true]);
        let started = RunEvent::Started(sample_run_data(JobType::OneOff, 0, 1));
        assert_eq!([Emails::OnFinish, Emails::All].map(|emails| wants_mail(&started, emails)), [false, true]);
    }

    #[test]
    fn failure_with_a_retry_is_mailed_only_with_emails_all() {
        let failed =
            RunEvent::Failed(RunEventData { again: true, ..sample_run_data(JobType::Scheduled, 1, 1) });
        let wanted = |emails| wants_mail(&failed, emails);
        assert_eq!([Emails::OnFailure, Emails::OnFinish, Emails::All].map(wanted), [false, false, true]);
    }

    #[test]
    fn consecutive_crashes_are_mailed_at_growing_intervals() {
        let crash = |attempt| RunEvent::Failed(sample_run_data(JobType::Continuous, 1, attempt));
        let mailed: Vec<u32> =
            (1..=1000).filter(|attempt| wants_mail(&crash(*attempt), Emails::OnFailure)).collect();
        assert_eq!(mailed, [1, 3, 10, 100, 1000]);
        let mut late = sample_run_data(JobType::Continuous, 1, 7);
        late.run.started = Some("2026-05-04T10:00:00Z".parse().unwrap());
        assert!(wants_mail(&RunEvent::Failed(late), Emails::OnFailure));
    }

    #[test]
    fn stop_of_a_continuous_job_sends_no_mail() {
        let stopped = |job_type| RunEvent::Stopped(sample_run_data(job_type, 0, 1));
        assert!(!wants_mail(&stopped(JobType::Continuous), Emails::OnFinish));
        assert!(wants_mail(&stopped(JobType::OneOff), Emails::OnFinish));
    }

    #[test]
    fn notice_counts_missed_due_times() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let missed = RunEvent::DueMissed(DueMissedData {
            tool: "hello".parse().unwrap(),
            tool_id: "tool_00000000000000000000000001".parse().unwrap(),
            job: "tidy".parse().unwrap(),
            first: at("2026-05-04T12:00:00Z"),
            last: at("2026-05-04T14:00:00Z"),
            count: 3,
            reason: "Hearth was not running".to_owned(),
            in_a_row: 5,
        });
        let notice = build_notice(&missed, Emails::OnFailure).unwrap();
        assert_eq!(notice.summary, "missed 3 due times");
        assert_eq!(
            fact_pairs(&notice),
            [
                ("why", "Hearth was not running"),
                ("due", "2026-05-04 12:00:00 UTC to 2026-05-04 14:00:00 UTC"),
                ("so far", "5 consecutive due times without a run"),
            ]
        );
        assert_eq!(notice.next_command.as_deref(), Some("hearth jobs history tidy"));
    }
}
