//! The rate of mails about a tool. The first event after a quiet time becomes a mail at once. Later events
//! are gathered for the window; events beyond the hourly limit wait and become one mail.

use jiff::{SignedDuration, Timestamp};

const ONE_HOUR: SignedDuration = SignedDuration::from_hours(1);

/// The rate limits of mails.
#[derive(Debug, Clone, Copy)]
pub struct MailPace {
    /// The time for which events are gathered.
    pub window: SignedDuration,
    /// The maximum number of mails within an hour.
    pub per_hour: usize,
}

impl MailPace {
    /// Reads the limits from the settings. At least one mail an hour is allowed.
    pub fn from_settings(settings: &crate::NotifySettings) -> Self {
        let per_hour = usize::try_from(settings.mails_per_hour.max(1)).unwrap_or(usize::MAX);
        Self { window: SignedDuration::from_secs(settings.window.into()), per_hour }
    }

    /// Computes the time of the next mail, after mails at the times `before`, the oldest first.
    pub fn next_mail_time(self, before: &[Timestamp], now: Timestamp) -> Timestamp {
        let window = before.last().map(|last| *last + self.window);
        let hour = before.len().checked_sub(self.per_hour).and_then(|oldest| before.get(oldest));
        // After the clock was set back, a mail waits for at most an hour.
        let latest = now + ONE_HOUR;
        window.into_iter().chain(hour.map(|oldest| *oldest + ONE_HOUR)).fold(now, Timestamp::max).min(latest)
    }

    /// Adds a mail that is written now and removes the times that no limit needs.
    pub fn record_mail(self, before: &mut Vec<Timestamp>, now: Timestamp) {
        before.push(now);
        before.drain(..before.len().saturating_sub(self.per_hour));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build_time(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    #[test]
    fn first_mail_is_immediate_then_window_and_hourly_limit_apply() {
        let pace = MailPace { window: SignedDuration::from_secs(60), per_hour: 3 };
        let mut before = Vec::new();
        let mut written = Vec::new();
        // One event each second, for two hours.
        for second in 0..7200 {
            let now = build_time(second);
            if pace.next_mail_time(&before, now) <= now {
                pace.record_mail(&mut before, now);
                written.push(second);
            }
        }
        assert_eq!(written, [0, 60, 120, 3600, 3660, 3720]);
        assert_eq!(
            pace.next_mail_time(&before, build_time(20_000)),
            build_time(20_000),
            "the first mail after a quiet time is immediate"
        );
    }

    #[test]
    fn clock_error_delays_mail_for_at_most_an_hour() {
        let pace = MailPace { window: SignedDuration::from_secs(60), per_hour: 3 };
        assert_eq!(pace.next_mail_time(&[build_time(1_000_000)], build_time(0)), build_time(3600));
    }
}
