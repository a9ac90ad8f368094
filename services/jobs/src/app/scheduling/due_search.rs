//! Searches the due times of a schedule across clock changes of its time zone.
//!
//! | schedule | local time that a change skips | local time that a change repeats |
//! |---|---|---|
//! | of certain hours | due from the change on, in the same distances | due at its first occurrence only |
//! | of every hour | not due | due at each occurrence |
//!
//! Hours are certain if the hour field leaves one out, whether it is a number, a list, a range or a step: each
//! of its times behaves like the time of a schedule with that time only. A schedule of every hour counts the
//! time that passes, so it keeps its distances. Due times that fall together are one due time.

use croner::Cron;
use jiff::{
    SignedDuration, Timestamp,
    civil::DateTime,
    tz::{AmbiguousOffset, Offset, TimeZone},
};

/// Hours of a day.
const HOURS_PER_DAY: u32 = 24;

/// A parsed schedule with its time zone.
#[derive(Debug)]
pub struct DueSearch<'a> {
    cron: Cron,
    zone: &'a TimeZone,
    is_hourly: bool,
}

impl<'a> DueSearch<'a> {
    /// A search for the due times of `cron` in `zone`.
    pub fn new(cron: Cron, zone: &'a TimeZone) -> Self {
        let is_hourly = (0..HOURS_PER_DAY).all(|hour| cron.pattern.hour_match(hour).is_ok_and(|due| due));
        Self { cron, zone, is_hourly }
    }

    /// Returns the first due time after `after`.
    pub fn find_next(&self, after: Timestamp) -> Option<Timestamp> {
        if self.is_hourly {
            let next = self.cron.find_next_occurrence(&after.to_zoned(self.zone.clone()), false);
            return next.ok().map(|next| next.timestamp());
        }
        // The times of a gap are due after it, and may be due later than the first times that follow it.
        let mut moved =
            LocalGap::find_preceding(self.zone, after).and_then(|gap| self.find_moved(gap, after));
        let mut local = self.zone.to_datetime(after);
        loop {
            let Some(next) = self.find_next_local(local) else { return moved };
            let due = match self.zone.to_ambiguous_timestamp(next).offset() {
                AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(next),
                AmbiguousOffset::Fold { before, .. } => before.to_timestamp(next),
                AmbiguousOffset::Gap { before, after: behind } => {
                    let gap = LocalGap::find_at(self.zone, next, before, behind)?;
                    moved = moved.into_iter().chain(self.find_moved(gap, after)).min();
                    local = gap.last_second();
                    continue;
                }
            };
            match due {
                Ok(due) if due > after => return moved.into_iter().chain([due]).min(),
                // The first occurrence of a repeated time is over; it is not due again.
                Ok(_) => local = next,
                Err(_) => return moved,
            }
        }
    }

    /// Returns the first due time after `after` of the local times that a gap skips.
    fn find_moved(&self, gap: LocalGap, after: Timestamp) -> Option<Timestamp> {
        let is_skipped = |local: &DateTime| *local < gap.end;
        let first = self.find_next_local(gap.start - SignedDuration::from_secs(1)).filter(is_skipped)?;
        if after < gap.at {
            return Some(gap.at);
        }
        let passed = after.duration_since(gap.at);
        let next = self.find_next_local(first.checked_add(passed).ok()?).filter(is_skipped)?;
        gap.at.checked_add(next.duration_since(first)).ok()
    }

    /// Returns the first local time of the schedule after the second of `local`.
    fn find_next_local(&self, local: DateTime) -> Option<DateTime> {
        self.cron.find_next_occurrence(&local, false).ok()
    }
}

/// Local times that a clock change skips.
#[derive(Debug, Clone, Copy)]
struct LocalGap {
    /// The instant of the change.
    at: Timestamp,
    /// The first skipped local time.
    start: DateTime,
    /// The first local time after the change.
    end: DateTime,
}

impl LocalGap {
    /// Returns the gap of the last clock change up to `instant`, if times that it skips may be due later.
    fn find_preceding(zone: &TimeZone, instant: Timestamp) -> Option<Self> {
        let second = SignedDuration::from_secs(1);
        let at = zone.preceding(instant.checked_add(second).ok()?).next()?.timestamp();
        let (before, behind) = (zone.to_offset(at.checked_sub(second).ok()?), zone.to_offset(at));
        let gap = Self::new(at, before, behind);
        let length = gap.end.duration_since(gap.start);
        (at <= instant && length.is_positive() && instant.duration_since(at) < length).then_some(gap)
    }

    /// Returns the gap that contains a local time, which lies between these offsets.
    fn find_at(zone: &TimeZone, local: DateTime, before: Offset, behind: Offset) -> Option<Self> {
        let at = zone.following(behind.to_timestamp(local).ok()?).next()?.timestamp();
        Some(Self::new(at, before, behind))
    }

    fn new(at: Timestamp, before: Offset, behind: Offset) -> Self {
        Self { at, start: before.to_datetime(at), end: behind.to_datetime(at) }
    }

    /// The last skipped second, from which a search finds the first time after the gap.
    fn last_second(self) -> DateTime {
        self.end - SignedDuration::from_secs(1)
    }
}
