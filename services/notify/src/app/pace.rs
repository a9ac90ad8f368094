//! When the next mail about a tool may be written. One that was quiet is told of at once; what follows is gathered, and
//! what is too much within an hour waits, to become one mail.

use jiff::{SignedDuration, Timestamp};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// How often mail may be written.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How long events are gathered.
    pub window: SignedDuration,
    /// How many mails an hour may have.
    pub per_hour: usize,
}

impl Pace {
    /// The pace that an operator has set. At least one mail an hour is sent.
    pub fn of(settings: &crate::NotifySettings) -> Self {
        let per_hour = usize::try_from(settings.mails_per_hour.max(1)).unwrap_or(usize::MAX);
        Self { window: SignedDuration::from_secs(settings.window.into()), per_hour }
    }

    /// When the next mail may be written, after those that were written at `before`, the oldest first.
    pub fn next(self, before: &[Timestamp], now: Timestamp) -> Timestamp {
        let window = before.last().map(|last| *last + self.window);
        let hour = before.len().checked_sub(self.per_hour).and_then(|oldest| before.get(oldest));
        // A clock that was set back holds nothing up for longer than it should.
        let latest = now + HOUR;
        window.into_iter().chain(hour.map(|oldest| *oldest + HOUR)).fold(now, Timestamp::max).min(latest)
    }

    /// Notes a mail that is written now. What no rule asks for any more is forgotten.
    pub fn note(self, before: &mut Vec<Timestamp>, now: Timestamp) {
        before.push(now);
        before.drain(..before.len().saturating_sub(self.per_hour));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    #[test]
    fn the_first_goes_at_once_the_next_after_the_window_and_the_rest_after_the_hour() {
        let pace = Pace { window: SignedDuration::from_secs(60), per_hour: 3 };
        let mut before = Vec::new();
        let mut written = Vec::new();
        // Something happens each second, for two hours.
        for second in 0..7200 {
            let now = at(second);
            if pace.next(&before, now) <= now {
                pace.note(&mut before, now);
                written.push(second);
            }
        }
        assert_eq!(written, [0, 60, 120, 3600, 3660, 3720]);
        assert_eq!(pace.next(&before, at(20_000)), at(20_000), "after a quiet time at once");
    }

    #[test]
    fn a_clock_that_was_wrong_holds_mail_up_for_an_hour_at_most() {
        let pace = Pace { window: SignedDuration::from_secs(60), per_hour: 3 };
        assert_eq!(pace.next(&[at(1_000_000)], at(0)), at(3600));
    }
}
