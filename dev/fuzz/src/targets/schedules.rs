//! Schedules as people write them.

use hearth_base::{Entropy, JobName, ToolId};
use hearth_jobs::fuzzing::read_schedule;
use jiff::Timestamp;

use super::{records, text};

/// First record: the schedule; second: the time zone, empty for none; third: the time now, in microseconds.
pub fn schedules(input: &[u8]) {
    let mut parts = records(input);
    let (schedule, zone, now) = (text(parts.next()), text(parts.next()), text(parts.next()));
    let now = now.trim().parse().ok().and_then(|micros| Timestamp::from_microsecond(micros).ok());
    let now = now.unwrap_or(Timestamp::UNIX_EPOCH);
    let tool = ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::Counting(7.into()));
    let Ok(job) = "job".parse::<JobName>() else { return };
    let zone = Some(zone.as_str()).filter(|zone| !zone.is_empty());
    let Ok(understood) = read_schedule(&schedule, zone, (tool, &job), now) else { return };
    assert_eq!(understood.fields.split_whitespace().count(), 5, "{understood:?}");
    assert_eq!(understood.fields, understood.fields_again, "{understood:?}");
    let due: Vec<_> = std::iter::once(now).chain(understood.due.iter().copied()).collect();
    assert!(due.is_sorted_by(|earlier, later| earlier < later), "due times go forward: {understood:?}");
    if let Some((first, last, count)) = understood.in_a_day {
        assert!(now < first && first <= last && count >= 1, "{understood:?}");
        assert_eq!(understood.due.first(), Some(&first), "{understood:?}");
        assert!(count <= 24 * 60, "{understood:?}");
    }
}
