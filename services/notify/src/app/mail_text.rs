//! The text of a mail: renders the notices of services. Control characters are removed from every part.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use hearth_base::{ToolName, to_single_line};
use hearth_wire::events::{Notice, NoticeFact};

/// The maximum number of events that a mail shows in full. A mail gives only the number of the others.
pub const MAX_EVENTS_IN_FULL: u64 = 20;
/// The maximum length of a line, in characters.
const MAX_LINE_CHARACTERS: usize = 200;
/// The maximum length of a mail's subject, in characters.
const MAX_SUBJECT_CHARACTERS: usize = 150;
/// The maximum number of event subjects, such as jobs, that a mail's subject names.
const MAX_SUBJECTS_IN_SUMMARY: usize = 4;
/// The maximum number of lines in each part of a notice.
const MAX_NOTICE_LINES: usize = 50;

/// The subject and body of a mail.
#[derive(Debug, PartialEq, Eq)]
pub struct MailText {
    pub subject: String,
    pub body: String,
}

/// Renders the mail about `count` events of a tool; `notices` are the oldest of them, shown in full.
pub fn render_mail(tool: &ToolName, count: u64, notices: &[Notice]) -> MailText {
    let mut body = String::new();
    for notice in notices {
        append_notice(&mut body, tool, notice);
    }
    let more = count.saturating_sub(notices.len() as u64);
    if more > 0 {
        append_line(
            &mut body,
            format_args!("And {more} more. There were too many events for a mail each.\n"),
        );
    }
    append_line(&mut body, format_args!("-- \nYou get this because you maintain {tool} on this Hearth."));
    append_line(
        &mut body,
        format_args!("To choose what is mailed to you: hearth notify events --tool {tool}"),
    );
    append_line(&mut body, format_args!("To stop mail about {tool}: hearth notify off --tool {tool}"));
    let opt_outs: BTreeSet<&str> = notices.iter().filter_map(|notice| notice.opt_out.as_deref()).collect();
    for opt_out in opt_outs {
        append_line(&mut body, format_args!("{}", to_single_line(opt_out, MAX_LINE_CHARACTERS)));
    }
    MailText { subject: render_subject(tool, count, notices), body }
}

fn render_subject(tool: &ToolName, count: u64, notices: &[Notice]) -> String {
    if let ([only], 1) = (notices, count) {
        return to_single_line(
            &format!("[hearth] {tool}/{} {}", only.subject, only.summary),
            MAX_SUBJECT_CHARACTERS,
        );
    }
    let mut subjects: BTreeMap<&str, u32> = BTreeMap::new();
    for notice in notices {
        *subjects.entry(&notice.subject).or_default() += 1;
    }
    let named = subjects.iter().take(MAX_SUBJECTS_IN_SUMMARY);
    let named: Vec<String> = named.map(|(subject, count)| format!("{subject} {count}")).collect();
    let has_more = subjects.len() > MAX_SUBJECTS_IN_SUMMARY || count > notices.len() as u64;
    let more = if has_more { " and more" } else { "" };
    to_single_line(
        &format!("[hearth] {tool}: {count} events ({}{more})", named.join(", ")),
        MAX_SUBJECT_CHARACTERS,
    )
}

fn append_notice(body: &mut String, tool: &ToolName, notice: &Notice) {
    let Notice { subject, summary, facts, output, next_command, opt_out: _ } = notice;
    let headline = to_single_line(&format!("{tool}/{subject} {summary}"), MAX_LINE_CHARACTERS);
    append_line(body, format_args!("{headline}"));
    for NoticeFact { label, text } in facts.iter().take(MAX_NOTICE_LINES) {
        let label = format!("{}:", to_single_line(label, 7));
        append_line(body, format_args!("  {label:<8} {}", to_single_line(text, MAX_LINE_CHARACTERS)));
    }
    if !output.is_empty() {
        append_line(body, format_args!("  last output:"));
    }
    for written in output.iter().take(MAX_NOTICE_LINES) {
        append_line(body, format_args!("    | {}", to_single_line(written, MAX_LINE_CHARACTERS)));
    }
    if let Some(command) = next_command {
        let command = to_single_line(command, MAX_LINE_CHARACTERS);
        append_line(body, format_args!("  next:    {command} --tool {tool}"));
    }
    body.push('\n');
}

fn append_line(body: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _written = writeln!(body, "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build_notice() -> Notice {
        Notice {
            subject: "tidy".to_owned(),
            summary: "failed: exit status 1".to_owned(),
            facts: vec![
                NoticeFact::new("why", "it ended with status 1"),
                NoticeFact::new("started", "2026-05-04 12:00:01 UTC"),
            ],
            output: vec!["one".to_owned(), "two".to_owned()],
            next_command: Some("hearth jobs logs tidy".to_owned()),
            opt_out: Some("To get no mail about a job, write emails: none in its definition.".to_owned()),
        }
    }

    fn build_tool_name() -> ToolName {
        "hello".parse().unwrap()
    }

    #[test]
    fn mail_names_event_reason_time_and_next_command() {
        let MailText { subject, body } = render_mail(&build_tool_name(), 1, &[build_notice()]);
        assert_eq!(subject, "[hearth] hello/tidy failed: exit status 1");
        assert_eq!(
            body,
            "hello/tidy failed: exit status 1\n  why:     it ended with status 1\n  started: 2026-05-04 12:00:01 \
             UTC\n  last output:\n    | one\n    | two\n  next:    hearth jobs logs tidy --tool hello\n\n-- \nYou \
             get this because you maintain hello on this Hearth.\nTo choose what is mailed to you: hearth notify \
             events --tool hello\nTo stop mail about hello: hearth notify off --tool hello\nTo get no mail about a \
             job, write emails: none in its definition.\n"
        );
    }

    #[test]
    fn summary_of_many_events_counts_them() {
        let MailText { subject, body } =
            render_mail(&build_tool_name(), 50, &[build_notice(), build_notice()]);
        assert_eq!(subject, "[hearth] hello: 50 events (tidy 2 and more)");
        assert!(body.contains("And 48 more."), "{body}");
        assert_eq!(body.matches("To get no mail about a job").count(), 1, "{body}");
    }

    #[test]
    fn output_of_a_program_cannot_forge_headers_or_lines() {
        let hostile = Notice {
            subject: "tidy\r\nBcc: c".to_owned(),
            summary: "failed\u{1b}[2J".to_owned(),
            facts: vec![NoticeFact::new("why\n", "it could not be started: a\r\nBcc: b")],
            output: vec!["a\r\n.\r\nQUIT\r\n\u{1b}[2J\u{2028}-- ".to_owned(), "x".repeat(10_000)],
            next_command: Some("hearth\njobs".to_owned()),
            opt_out: Some("a\r\n.\r\n".to_owned()),
        };
        let MailText { subject, body } = render_mail(&build_tool_name(), 1, &[hostile]);
        assert!(!subject.chars().any(char::is_control), "{subject:?}");
        assert!(body.lines().all(|line| line.chars().count() < 220), "{body}");
        assert!(!body.chars().any(|symbol| symbol.is_control() && symbol != '\n'), "{body:?}");
        assert_eq!(body.lines().filter(|line| line.starts_with("    | ")).count(), 2);
        assert!(body.contains("    | a  .  QUIT   [2J --\n"), "{body}");
        assert!(!body.lines().any(|line| line.starts_with("Bcc") || line == "."), "{body}");
    }
}
