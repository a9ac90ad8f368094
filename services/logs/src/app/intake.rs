//! What is kept of the lines that a container hands over.

use hearth_base::Memory;
use hearth_wire::logs::{LogsStream, internal::LogsLine};
use jiff::{SignedDuration, Timestamp};

use crate::store::Instance;

/// The most bytes of one line; what is longer is cut.
const LINE: usize = 64 << 10;
/// What a line costs beside its text.
const BESIDE: i64 = 32;
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// What became of some lines.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// What is kept of them, notes included.
    pub lines: Vec<LogsLine>,
    /// How many never arrived.
    pub lost: u64,
    /// How many were too many.
    pub dropped: u64,
}

/// Takes over what a container has written. What was heard before is skipped, what is missing is noted as lost. A
/// container that writes more than `most` within an hour is told so, and what it writes beyond is only counted.
pub fn take(
    instance: &mut Instance,
    lines: Vec<LogsLine>,
    complete: bool,
    most: Memory,
    now: Timestamp,
) -> Taken {
    let most = i64::try_from(most.get()).unwrap_or(i64::MAX);
    let mut taken = Taken::default();
    let hour = hour(now);
    if instance.hour != hour {
        tell_dropped(instance, &mut taken, now);
        (instance.hour, instance.hour_bytes) = (hour, 0);
    }
    for mut line in lines {
        let sequence = i64::try_from(line.sequence).unwrap_or(i64::MAX);
        if sequence < instance.expected || sequence == i64::MAX {
            continue;
        }
        let missing = u64::try_from(sequence - instance.expected).unwrap_or(0);
        instance.expected = sequence + 1;
        if missing > 0 {
            taken.lost += missing;
            taken.lines.push(note(line.sequence, line.time, counted(missing, "lost")));
        }
        cut(&mut line);
        let cost = i64::try_from(line.text.len()).unwrap_or(i64::MAX).saturating_add(BESIDE);
        if instance.hour_bytes.saturating_add(cost) > most {
            if instance.hour_dropped == 0 {
                let until = hour.saturating_add(HOUR).unwrap_or(hour);
                let text = format!("this container wrote too much: further lines are dropped until {until}");
                taken.lines.push(note(line.sequence, line.time, text));
            }
            instance.hour_dropped += 1;
            taken.dropped += 1;
            continue;
        }
        instance.hour_bytes += cost;
        taken.lines.push(line);
    }
    if complete {
        tell_dropped(instance, &mut taken, now);
        instance.complete = true;
    }
    taken
}

fn tell_dropped(instance: &mut Instance, taken: &mut Taken, now: Timestamp) {
    if let Ok(dropped @ 1..) = u64::try_from(instance.hour_dropped) {
        let sequence = u64::try_from(instance.expected).unwrap_or(0);
        taken.lines.push(note(sequence, now, counted(dropped, "dropped")));
        instance.hour_dropped = 0;
    }
}

fn counted(lines: u64, what: &str) -> String {
    format!("{lines} {} {what}", if lines == 1 { "line" } else { "lines" })
}

fn note(sequence: u64, time: Timestamp, text: String) -> LogsLine {
    LogsLine { sequence, time, stream: LogsStream::Note, partial: false, text }
}

fn cut(line: &mut LogsLine) {
    if line.text.len() > LINE {
        line.text.truncate(line.text.floor_char_boundary(LINE));
        line.text.push('…');
    }
}

/// The beginning of the hour that `now` is in.
fn hour(now: Timestamp) -> Timestamp {
    let second = now.as_second();
    Timestamp::from_second(second - second.rem_euclid(HOUR.as_secs())).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-05-04T12:34:56Z".parse().unwrap()
    }

    fn instance() -> Instance {
        Instance {
            number: 0,
            run: String::new(),
            name: String::new(),
            first: 0,
            last: 0,
            expected: 1,
            complete: false,
            hour: Timestamp::UNIX_EPOCH,
            hour_bytes: 0,
            hour_dropped: 0,
        }
    }

    fn line(sequence: u64) -> LogsLine {
        LogsLine { sequence, ..note(0, now(), format!("line {sequence}")) }
    }

    fn texts(taken: &Taken) -> Vec<&str> {
        taken.lines.iter().map(|line| line.text.as_str()).collect()
    }

    const PLENTY: Memory = Memory::mib(1);

    #[test]
    fn lines_are_taken_once_however_often_they_come() {
        let mut instance = instance();
        take(&mut instance, vec![line(1), line(2)], false, PLENTY, now());
        let again = take(&mut instance, vec![line(1), line(2), line(3), line(3)], false, PLENTY, now());
        assert_eq!((texts(&again), instance.expected), (vec!["line 3"], 4));
    }

    #[test]
    fn what_is_missing_is_noted_where_it_is_missing() {
        let mut instance = instance();
        let taken = take(&mut instance, vec![line(2), line(3), line(10)], false, PLENTY, now());
        assert_eq!(texts(&taken), ["1 line lost", "line 2", "line 3", "6 lines lost", "line 10"]);
        assert_eq!(taken.lost, 7);
    }

    #[test]
    fn a_container_that_writes_too_much_is_told_and_counted() {
        let mut instance = instance();
        let little = Memory::bytes(2 * (32 + 6));
        let taken = take(&mut instance, (1..=5).map(line).collect(), false, little, now());
        let told = "this container wrote too much: further lines are dropped until 2026-05-04T13:00:00Z";
        assert_eq!((texts(&taken), taken.dropped), (vec!["line 1", "line 2", told], 3));
        // Nothing grows, however much more comes.
        let more = take(&mut instance, (6..=1000).map(line).collect(), false, little, now());
        assert_eq!((texts(&more), more.dropped), (vec![], 995));
        // The next hour begins with the count and a new budget.
        let later = now() + HOUR;
        let next = take(&mut instance, vec![line(1001)], false, little, later);
        assert_eq!(texts(&next), ["998 lines dropped", "line 1001"]);
    }

    #[test]
    fn the_end_of_a_container_tells_what_was_dropped() {
        let mut instance = instance();
        take(&mut instance, vec![line(1)], false, Memory::bytes(1), now());
        let taken = take(&mut instance, Vec::new(), true, Memory::bytes(1), now());
        assert_eq!((texts(&taken), instance.complete), (vec!["1 line dropped"], true));
    }

    #[test]
    fn sequences_that_nobody_counts_to_do_no_harm() {
        let mut instance = instance();
        let taken = take(&mut instance, vec![line(u64::MAX), line(0)], false, PLENTY, now());
        assert_eq!((taken, instance.expected), (Taken::default(), 1));
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let mut line = line(1);
        line.text = "日".repeat(LINE);
        cut(&mut line);
        assert!(line.text.len() <= LINE + 3 && line.text.ends_with('…'));
    }
}
