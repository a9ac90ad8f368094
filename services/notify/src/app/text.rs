//! What stands in a mail.

use std::{collections::BTreeMap, fmt::Write};

use hearth_base::{JobName, ToolName, one_line};
use hearth_wire::jobs::{
    Run,
    internal::{DueTold, JobsEvent, RunTold},
};
use jiff::{Timestamp, tz::TimeZone};

use super::about;
use crate::store::Notice;

/// How many events are told in full; of the rest it is said how many they are.
pub const IN_FULL: u64 = 20;
/// The most characters of a line that a run has written.
const WIDTH: usize = 200;

/// A mail without its addressee.
#[derive(Debug, PartialEq, Eq)]
pub struct Text {
    pub subject: String,
    pub body: String,
}

/// Writes the mail that tells of `all` events of a tool, of which these are the oldest.
pub fn write(tool: &ToolName, all: u64, notices: &[Notice]) -> Text {
    let mut body = String::new();
    for notice in notices {
        one(&mut body, tool, notice);
    }
    let beyond = all.saturating_sub(notices.len() as u64);
    if beyond > 0 {
        line(&mut body, format_args!("And {beyond} more. Too much happened for a mail each.\n"));
    }
    line(&mut body, format_args!("-- \nYou get this because you maintain {tool} on this Hearth."));
    line(&mut body, format_args!("No mail about it to you: hearth notify off --tool {tool}"));
    let quieter = "None about a job to anybody: emails: none in its definition.";
    line(&mut body, format_args!("{quieter}"));
    Text { subject: subject(tool, all, notices), body }
}

fn subject(tool: &ToolName, all: u64, notices: &[Notice]) -> String {
    if let ([only], 1) = (notices, all) {
        let job = job(&only.event).map(ToString::to_string).unwrap_or_default();
        return one_line(&format!("[hearth] {tool}/{job} {}", about::said(&only.event)), 150);
    }
    let mut jobs: BTreeMap<&str, u32> = BTreeMap::new();
    for notice in notices {
        *jobs.entry(job(&notice.event).map_or("", JobName::as_str)).or_default() += 1;
    }
    let named: Vec<String> = jobs.iter().take(4).map(|(job, count)| format!("{job} {count}")).collect();
    let more = if jobs.len() > 4 || all > notices.len() as u64 { " and more" } else { "" };
    one_line(&format!("[hearth] {tool}: {all} events ({}{more})", named.join(", ")), 150)
}

fn job(event: &JobsEvent) -> Option<&JobName> {
    match event {
        JobsEvent::RunBegan(told) | JobsEvent::RunEnded(told) => Some(&told.run.job),
        JobsEvent::DueMissed(told) => Some(&told.job),
        JobsEvent::RouteChanged(_) | JobsEvent::RouteRemoved { .. } => None,
    }
}

fn one(body: &mut String, tool: &ToolName, notice: &Notice) {
    let Some(job) = job(&notice.event) else { return };
    line(body, format_args!("{tool}/{job} {}", about::said(&notice.event)));
    match &notice.event {
        JobsEvent::RunBegan(told) | JobsEvent::RunEnded(told) => run(body, told),
        JobsEvent::DueMissed(told) => due(body, told),
        JobsEvent::RouteChanged(_) | JobsEvent::RouteRemoved { .. } => {}
    }
    let next = match &notice.event {
        JobsEvent::DueMissed(_) => format!("hearth jobs history {job} --tool {tool}"),
        _ => format!("hearth jobs logs {job} --tool {tool}"),
    };
    line(body, format_args!("  next:    {next}\n"));
}

fn run(body: &mut String, told: &RunTold) {
    let Run { id, attempt, started, ended, reason, last_lines, .. } = &told.run;
    if let Some(reason) = reason {
        line(body, format_args!("  why:     {}", one_line(reason, WIDTH)));
    }
    line(body, format_args!("  run:     {}, try {attempt}", one_line(id, WIDTH)));
    for (name, at) in [("started", started), ("ended", ended)] {
        if let Some(at) = at {
            line(body, format_args!("  {:<8} {}", format!("{name}:"), moment(*at)));
        }
    }
    if told.again {
        line(body, format_args!("  then:    it is tried again"));
    }
    if !last_lines.is_empty() {
        line(body, format_args!("  it wrote last:"));
    }
    for written in last_lines {
        line(body, format_args!("    | {}", one_line(written, WIDTH)));
    }
}

fn due(body: &mut String, told: &DueTold) {
    let DueTold { first, last, count, reason, in_a_row, .. } = told;
    line(body, format_args!("  why:     {}", one_line(reason, WIDTH)));
    let until = if *count > 1 { format!(" to {}", moment(*last)) } else { String::new() };
    line(body, format_args!("  due:     {}{until}", moment(*first)));
    if *in_a_row > *count {
        line(body, format_args!("  so far:  {in_a_row} due times in a row brought no run"));
    }
}

/// An instant as people read it, in UTC.
fn moment(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn line(body: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing into memory does not fail.
    let _written = writeln!(body, "{text}");
}

#[cfg(test)]
mod tests {
    use hearth_base::{Entropy, EventId};
    use hearth_wire::jobs::{Emails, JobType};

    use super::*;
    use crate::app::about::tests::ended;

    fn notice(event: JobsEvent) -> Notice {
        let at = "2026-05-04T12:00:05Z".parse().unwrap();
        Notice { id: EventId::new(at, &Entropy::System), at, event }
    }

    fn tool() -> ToolName {
        "hello".parse().unwrap()
    }

    #[test]
    fn a_mail_says_what_why_when_and_what_to_do_next() {
        let failed = notice(JobsEvent::RunEnded(ended(JobType::Scheduled, Emails::OnFailure, 1, 1)));
        let Text { subject, body } = write(&tool(), 1, &[failed]);
        assert_eq!(subject, "[hearth] hello/tidy failed: exit status 1");
        assert_eq!(
            body,
            "hello/tidy failed: exit status 1\n  why:     it ended with status 1\n  run:     run_1, try 1\n  \
             started: 2026-05-04 12:00:01 UTC\n  ended:   2026-05-04 12:00:05 UTC\n  it wrote last:\n    | one\n    \
             | two\n  next:    hearth jobs logs tidy --tool hello\n\n-- \nYou get this because you maintain hello \
             on this Hearth.\nNo mail about it to you: hearth notify off --tool hello\nNone about a job to anybody: \
             emails: none in its definition.\n"
        );
    }

    #[test]
    fn many_become_one_that_says_how_many() {
        let failed = || notice(JobsEvent::RunEnded(ended(JobType::Scheduled, Emails::OnFailure, 1, 1)));
        let Text { subject, body } = write(&tool(), 50, &[failed(), failed()]);
        assert_eq!(subject, "[hearth] hello: 50 events (tidy 2 and more)");
        assert!(body.contains("And 48 more."), "{body}");
    }

    #[test]
    fn what_a_program_wrote_stays_behind_its_bar() {
        let mut told = ended(JobType::Scheduled, Emails::OnFailure, 1, 1);
        told.run.last_lines = vec!["a\r\n.\r\nQUIT\r\n\u{1b}[2J\u{2028}-- ".to_owned(), "x".repeat(10_000)];
        told.run.reason = Some("it could not be started: a\r\nBcc: b".to_owned());
        let Text { body, .. } = write(&tool(), 1, &[notice(JobsEvent::RunEnded(told))]);
        assert!(body.lines().all(|line| line.chars().count() < 220), "{body}");
        assert!(!body.chars().any(|symbol| symbol.is_control() && symbol != '\n'), "{body:?}");
        assert_eq!(body.lines().filter(|line| line.starts_with("    | ")).count(), 2);
        assert!(body.contains("    | a  .  QUIT   [2J --\n"), "{body}");
    }

    #[test]
    fn due_times_are_counted() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let event = JobsEvent::DueMissed(DueTold {
            tool: "tool_00000000000000000000000001".parse().unwrap(),
            name: tool(),
            job: "tidy".parse().unwrap(),
            emails: Emails::OnFailure,
            first: at("2026-05-04T12:00:00Z"),
            last: at("2026-05-04T14:00:00Z"),
            count: 3,
            reason: "Hearth was not running".to_owned(),
            in_a_row: 5,
        });
        let Text { subject, body } = write(&tool(), 1, &[notice(event)]);
        assert_eq!(subject, "[hearth] hello/tidy missed 3 due times");
        assert!(body.contains("2026-05-04 12:00:00 UTC to 2026-05-04 14:00:00 UTC"), "{body}");
        assert!(body.contains("5 due times in a row") && body.contains("hearth jobs history tidy"), "{body}");
    }
}
