//! Selection of the lines to store from a batch of one container.

use hearth_base::{Memory, cut_text};
use hearth_wire::logs::{LogsStream, internal::LogsLine};
use jiff::{SignedDuration, Timestamp};

use crate::store::Instance;

/// The maximum length of a line, in bytes; longer lines are cut.
const MAX_LINE_BYTES: usize = 64 << 10;
/// The size that a line counts in addition to its text.
const LINE_OVERHEAD_BYTES: i64 = 32;
const ONE_HOUR: SignedDuration = SignedDuration::from_hours(1);

/// The outcome of a batch of lines.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct AcceptedLines {
    /// The lines to store, including notes.
    pub lines: Vec<LogsLine>,
    /// The number of lines that never arrived.
    pub lost: u64,
    /// The number of lines over the hourly limit.
    pub dropped: u64,
}

/// Selects the lines to store. Lines with known sequences are skipped; missing sequences become a note about
/// lost lines. Lines beyond `limit` within an hour are dropped and counted, with a note at the first of them.
pub fn accept_lines(
    instance: &mut Instance,
    lines: Vec<LogsLine>,
    complete: bool,
    limit: Memory,
    now: Timestamp,
) -> AcceptedLines {
    let limit = i64::try_from(limit.get()).unwrap_or(i64::MAX);
    let mut accepted = AcceptedLines::default();
    let hour = start_of_hour(now);
    if instance.hour != hour {
        add_dropped_note(instance, &mut accepted, now);
        (instance.hour, instance.hour_bytes) = (hour, 0);
    }
    for mut line in lines {
        let sequence = i64::try_from(line.sequence).unwrap_or(i64::MAX);
        if sequence < instance.next_sequence || sequence == i64::MAX {
            continue;
        }
        let missing = u64::try_from(sequence - instance.next_sequence).unwrap_or(0);
        instance.next_sequence = sequence + 1;
        if missing > 0 {
            accepted.lost += missing;
            accepted.lines.push(build_note(line.sequence, line.time, format_count(missing, "lost")));
        }
        cut_text(&mut line.text, MAX_LINE_BYTES);
        let cost = i64::try_from(line.text.len()).unwrap_or(i64::MAX).saturating_add(LINE_OVERHEAD_BYTES);
        if instance.hour_bytes.saturating_add(cost) > limit {
            if instance.hour_dropped == 0 {
                let until = hour.saturating_add(ONE_HOUR).unwrap_or(hour);
                let text = format!("this container wrote too much: further lines are dropped until {until}");
                accepted.lines.push(build_note(line.sequence, line.time, text));
            }
            instance.hour_dropped += 1;
            accepted.dropped += 1;
            continue;
        }
        instance.hour_bytes += cost;
        accepted.lines.push(line);
    }
    if complete {
        add_dropped_note(instance, &mut accepted, now);
        instance.complete = true;
    }
    accepted
}

fn add_dropped_note(instance: &mut Instance, accepted: &mut AcceptedLines, now: Timestamp) {
    if let Ok(dropped @ 1..) = u64::try_from(instance.hour_dropped) {
        let sequence = u64::try_from(instance.next_sequence).unwrap_or(0);
        accepted.lines.push(build_note(sequence, now, format_count(dropped, "dropped")));
        instance.hour_dropped = 0;
    }
}

fn format_count(lines: u64, outcome: &str) -> String {
    format!("{lines} {} {outcome}", if lines == 1 { "line" } else { "lines" })
}

fn build_note(sequence: u64, time: Timestamp, text: String) -> LogsLine {
    LogsLine { sequence, time, stream: LogsStream::Note, partial: false, text }
}

/// Returns the start of the hour of `now`.
fn start_of_hour(now: Timestamp) -> Timestamp {
    let second = now.as_second();
    Timestamp::from_second(second - second.rem_euclid(ONE_HOUR.as_secs())).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build_now() -> Timestamp {
        "2026-05-04T12:34:56Z".parse().unwrap()
    }

    fn build_instance() -> Instance {
        Instance {
            number: 0,
            run: String::new(),
            name: String::new(),
            first: 0,
            last: 0,
            next_sequence: 1,
            complete: false,
            hour: Timestamp::UNIX_EPOCH,
            hour_bytes: 0,
            hour_dropped: 0,
        }
    }

    fn build_line(sequence: u64) -> LogsLine {
        LogsLine { sequence, ..build_note(0, build_now(), format!("line {sequence}")) }
    }

    fn list_texts(accepted: &AcceptedLines) -> Vec<&str> {
        accepted.lines.iter().map(|line| line.text.as_str()).collect()
    }

    const LARGE_HOUR_SIZE: Memory = Memory::from_mib(1);

    #[test]
    fn repeated_lines_are_accepted_once() {
        let mut instance = build_instance();
        accept_lines(&mut instance, vec![build_line(1), build_line(2)], false, LARGE_HOUR_SIZE, build_now());
        let again = accept_lines(
            &mut instance,
            vec![build_line(1), build_line(2), build_line(3), build_line(3)],
            false,
            LARGE_HOUR_SIZE,
            build_now(),
        );
        assert_eq!((list_texts(&again), instance.next_sequence), (vec!["line 3"], 4));
    }

    #[test]
    fn missing_lines_become_a_note_at_their_position() {
        let mut instance = build_instance();
        let accepted = accept_lines(
            &mut instance,
            vec![build_line(2), build_line(3), build_line(10)],
            false,
            LARGE_HOUR_SIZE,
            build_now(),
        );
        assert_eq!(list_texts(&accepted), ["1 line lost", "line 2", "line 3", "6 lines lost", "line 10"]);
        assert_eq!(accepted.lost, 7);
    }

    #[test]
    fn lines_over_the_hourly_limit_are_dropped_and_counted() {
        let mut instance = build_instance();
        let small_limit = Memory::from_bytes(2 * (32 + 6));
        let accepted =
            accept_lines(&mut instance, (1..=5).map(build_line).collect(), false, small_limit, build_now());
        let note = "this container wrote too much: further lines are dropped until 2026-05-04T13:00:00Z";
        assert_eq!((list_texts(&accepted), accepted.dropped), (vec!["line 1", "line 2", note], 3));
        // Further lines add no more notes.
        let more = accept_lines(
            &mut instance,
            (6..=1000).map(build_line).collect(),
            false,
            small_limit,
            build_now(),
        );
        assert_eq!((list_texts(&more), more.dropped), (vec![], 995));
        // The next hour begins with the count and a new budget.
        let later = build_now() + ONE_HOUR;
        let next = accept_lines(&mut instance, vec![build_line(1001)], false, small_limit, later);
        assert_eq!(list_texts(&next), ["998 lines dropped", "line 1001"]);
    }

    #[test]
    fn end_of_a_container_adds_a_note_about_dropped_lines() {
        let mut instance = build_instance();
        accept_lines(&mut instance, vec![build_line(1)], false, Memory::from_bytes(1), build_now());
        let accepted = accept_lines(&mut instance, Vec::new(), true, Memory::from_bytes(1), build_now());
        assert_eq!((list_texts(&accepted), instance.complete), (vec!["1 line dropped"], true));
    }

    #[test]
    fn extreme_sequences_are_skipped() {
        let mut instance = build_instance();
        let accepted = accept_lines(
            &mut instance,
            vec![build_line(u64::MAX), build_line(0)],
            false,
            LARGE_HOUR_SIZE,
            build_now(),
        );
        assert_eq!((accepted, instance.next_sequence), (AcceptedLines::default(), 1));
    }

    #[test]
    fn long_line_is_cut() {
        let mut line = build_line(1);
        line.text = "日".repeat(MAX_LINE_BYTES);
        let mut instance = build_instance();
        let accepted = accept_lines(&mut instance, vec![line], false, LARGE_HOUR_SIZE, build_now());
        let text = list_texts(&accepted)[0];
        assert!(text.len() <= MAX_LINE_BYTES + 3 && text.ends_with('…'));
    }
}
