//! Clocks, and times in RFC 3339 format.

use core::fmt;

use rustix::time::{ClockId, clock_gettime};

/// The current time of a clock in microseconds; since 1970 on [`ClockId::Realtime`].
pub fn now_micros(clock: ClockId) -> i64 {
    let time = clock_gettime(clock);
    time.tv_sec.saturating_mul(1_000_000).saturating_add(time.tv_nsec / 1000)
}

/// Microseconds since 1970, displayed in RFC 3339 format. Negative values are displayed as 0.
pub struct Rfc3339Time(pub i64);

impl fmt::Display for Rfc3339Time {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.max(0);
        let seconds = micros / 1_000_000;
        let (mut days, second) = (seconds / 86_400, seconds % 86_400);
        let mut year = 1970;
        while days >= days_in_year(year) {
            days -= days_in_year(year);
            year += 1;
        }
        let february = days_in_year(year) - 337;
        let mut month = 1;
        for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
            if days < length {
                break;
            }
            days -= length;
            month += 1;
        }
        write!(to, "{year:04}-{month:02}-{:02}T", days + 1)?;
        write!(to, "{:02}:{:02}:{:02}.", second / 3600, second / 60 % 60, second % 60)?;
        write!(to, "{:06}Z", micros % 1_000_000)
    }
}

/// Number of days in a year.
fn days_in_year(year: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if leap { 366 } else { 365 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_written_as_rfc_3339() {
        let written = [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_399_999_999, "2000-02-28T23:59:59.999999Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
            (1_767_225_599_000_006, "2025-12-31T23:59:59.000006Z"),
            (1_767_323_045_000_000, "2026-01-02T03:04:05.000000Z"),
            (4_107_542_400_000_000, "2100-03-01T00:00:00.000000Z"),
            (-1, "1970-01-01T00:00:00.000000Z"),
        ];
        for (micros, text) in written {
            assert_eq!(Rfc3339Time(micros).to_string(), text);
        }
    }
}
