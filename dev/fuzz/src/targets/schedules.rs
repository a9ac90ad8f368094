//! Job schedules that users enter.

use hearth_base::{Entropy, JobName, ToolId};
use hearth_jobs::fuzzing::read_schedule;
use jiff::Timestamp;

use super::{decode_text, split_records};

/// Input: the schedule as the first record, the time zone (empty for none) as the second, and the current
/// time in microseconds as the third.
pub fn run_target(input: &[u8]) {
    let mut parts = split_records(input);
    let (schedule, zone, now) =
        (decode_text(parts.next()), decode_text(parts.next()), decode_text(parts.next()));
    let now = now.trim().parse().ok().and_then(|micros| Timestamp::from_microsecond(micros).ok());
    let now = now.unwrap_or(Timestamp::UNIX_EPOCH);
    let tool = ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::Counting(7.into()));
    let Ok(job) = "job".parse::<JobName>() else { return };
    let zone = Some(zone.as_str()).filter(|zone| !zone.is_empty());
    let Ok(understood) = read_schedule(&schedule, zone, (tool, &job), now) else { return };
    assert_eq!(understood.fields.split_whitespace().count(), 5, "{understood:?}");
    assert_eq!(understood.fields, understood.fields_reparsed, "{understood:?}");
    let due: Vec<_> = std::iter::once(now).chain(understood.next_due.iter().copied()).collect();
    assert!(due.is_sorted_by(|earlier, later| earlier < later), "due times increase: {understood:?}");
    if let Some((first, last, count)) = understood.due_in_a_day {
        assert!(now < first && first <= last && count >= 1, "{understood:?}");
        assert_eq!(understood.next_due.first(), Some(&first), "{understood:?}");
        assert!(count <= 24 * 60, "{understood:?}");
    }
}
