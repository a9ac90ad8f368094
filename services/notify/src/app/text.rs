//! The text of a mail: lays out the notices that services wrote, and trusts none of their words.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use hearth_base::{ToolName, one_line};
use hearth_wire::events::{Notice, NoticeFact};

/// How many events a mail shows in full; of the rest it says how many they are.
pub const MAX_EVENTS_IN_FULL: u64 = 20;
/// The most characters of a line.
const MAX_LINE_LENGTH: usize = 200;
/// The most characters of a mail's subject.
const MAX_SUBJECT_LENGTH: usize = 150;
/// The most subjects that a mail's subject names.
const MAX_NAMED_SUBJECTS: usize = 4;
/// The most lines of a notice, of each sort.
const MAX_NOTICE_LINES: usize = 50;

/// A mail without its addressee.
#[derive(Debug, PartialEq, Eq)]
pub struct MailText {
    pub subject: String,
    pub body: String,
}

/// Writes the mail about `count` events of a tool, of which these are the oldest.
pub fn write_mail(tool: &ToolName, count: u64, notices: &[Notice]) -> MailText {
    let mut body = String::new();
    for notice in notices {
        write_notice(&mut body, tool, notice);
    }
    let beyond = count.saturating_sub(notices.len() as u64);
    if beyond > 0 {
        line(&mut body, format_args!("And {beyond} more. Too much happened for a mail each.\n"));
    }
    line(&mut body, format_args!("-- \nYou get this because you maintain {tool} on this Hearth."));
    line(&mut body, format_args!("No mail about it to you: hearth notify off --tool {tool}"));
    let opt_outs: BTreeSet<&str> = notices.iter().filter_map(|notice| notice.opt_out.as_deref()).collect();
    for opt_out in opt_outs {
        line(&mut body, format_args!("{}", one_line(opt_out, MAX_LINE_LENGTH)));
    }
    MailText { subject: write_subject(tool, count, notices), body }
}

fn write_subject(tool: &ToolName, count: u64, notices: &[Notice]) -> String {
    if let ([only], 1) = (notices, count) {
        return one_line(&format!("[hearth] {tool}/{} {}", only.subject, only.summary), MAX_SUBJECT_LENGTH);
    }
    let mut subjects: BTreeMap<&str, u32> = BTreeMap::new();
    for notice in notices {
        *subjects.entry(&notice.subject).or_default() += 1;
    }
    let named = subjects.iter().take(MAX_NAMED_SUBJECTS);
    let named: Vec<String> = named.map(|(subject, count)| format!("{subject} {count}")).collect();
    let has_more = subjects.len() > MAX_NAMED_SUBJECTS || count > notices.len() as u64;
    let more = if has_more { " and more" } else { "" };
    one_line(&format!("[hearth] {tool}: {count} events ({}{more})", named.join(", ")), MAX_SUBJECT_LENGTH)
}

fn write_notice(body: &mut String, tool: &ToolName, notice: &Notice) {
    let Notice { subject, summary, facts, output, next_command, opt_out: _ } = notice;
    let headline = one_line(&format!("{tool}/{subject} {summary}"), MAX_LINE_LENGTH);
    line(body, format_args!("{headline}"));
    for NoticeFact { label, text } in facts.iter().take(MAX_NOTICE_LINES) {
        let label = format!("{}:", one_line(label, 7));
        line(body, format_args!("  {label:<8} {}", one_line(text, MAX_LINE_LENGTH)));
    }
    if !output.is_empty() {
        line(body, format_args!("  it wrote last:"));
    }
    for written in output.iter().take(MAX_NOTICE_LINES) {
        line(body, format_args!("    | {}", one_line(written, MAX_LINE_LENGTH)));
    }
    if let Some(command) = next_command {
        let command = one_line(command, MAX_LINE_LENGTH);
        line(body, format_args!("  next:    {command} --tool {tool}"));
    }
    body.push('\n');
}

fn line(body: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing into memory does not fail.
    let _written = writeln!(body, "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice() -> Notice {
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

    fn tool() -> ToolName {
        "hello".parse().unwrap()
    }

    #[test]
    fn a_mail_says_what_why_when_and_what_to_do_next() {
        let MailText { subject, body } = write_mail(&tool(), 1, &[notice()]);
        assert_eq!(subject, "[hearth] hello/tidy failed: exit status 1");
        assert_eq!(
            body,
            "hello/tidy failed: exit status 1\n  why:     it ended with status 1\n  started: 2026-05-04 12:00:01 \
             UTC\n  it wrote last:\n    | one\n    | two\n  next:    hearth jobs logs tidy --tool hello\n\n-- \nYou \
             get this because you maintain hello on this Hearth.\nNo mail about it to you: hearth notify off --tool \
             hello\nTo get no mail about a job, write emails: none in its definition.\n"
        );
    }

    #[test]
    fn many_become_one_that_says_how_many() {
        let MailText { subject, body } = write_mail(&tool(), 50, &[notice(), notice()]);
        assert_eq!(subject, "[hearth] hello: 50 events (tidy 2 and more)");
        assert!(body.contains("And 48 more."), "{body}");
        assert_eq!(body.matches("To get no mail about a job").count(), 1, "{body}");
    }

    #[test]
    fn what_a_program_wrote_stays_behind_its_bar() {
        let hostile = Notice {
            subject: "tidy\r\nBcc: c".to_owned(),
            summary: "failed\u{1b}[2J".to_owned(),
            facts: vec![NoticeFact::new("why\n", "it could not be started: a\r\nBcc: b")],
            output: vec!["a\r\n.\r\nQUIT\r\n\u{1b}[2J\u{2028}-- ".to_owned(), "x".repeat(10_000)],
            next_command: Some("hearth\njobs".to_owned()),
            opt_out: Some("a\r\n.\r\n".to_owned()),
        };
        let MailText { subject, body } = write_mail(&tool(), 1, &[hostile]);
        assert!(!subject.chars().any(char::is_control), "{subject:?}");
        assert!(body.lines().all(|line| line.chars().count() < 220), "{body}");
        assert!(!body.chars().any(|symbol| symbol.is_control() && symbol != '\n'), "{body:?}");
        assert_eq!(body.lines().filter(|line| line.starts_with("    | ")).count(), 2);
        assert!(body.contains("    | a  .  QUIT   [2J --\n"), "{body}");
        assert!(!body.lines().any(|line| line.starts_with("Bcc") || line == "."), "{body}");
    }
}
