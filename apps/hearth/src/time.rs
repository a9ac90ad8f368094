//! Times for people.

use std::time::Duration;

use jiff::Timestamp;

/// The amount of a unit that makes the next one, its singular and its plural.
const TIME_UNITS: [(i64, &str, &str); 6] = [
    (60, "s", "s"),
    (60, "min", "min"),
    (24, "h", "h"),
    (30, "day", "days"),
    (12, "month", "months"),
    (i64::MAX, "year", "years"),
];

/// Formats the distance of `then` from `now`: `5 min ago`, `in 3 days`.
pub fn format_relative(now: Timestamp, then: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(then.as_second());
    let mut amount = seconds.saturating_abs();
    if amount < 10 {
        return "just now".to_owned();
    }
    let mut unit = "s";
    for (size, one, more) in TIME_UNITS {
        unit = if amount == 1 { one } else { more };
        if amount < size {
            break;
        }
        amount /= size;
    }
    if seconds > 0 { format!("{amount} {unit} ago") } else { format!("in {amount} {unit}") }
}

/// Formats a duration: `0.6 s`, `41 s`, `2 min 5 s`.
pub fn format_duration(took: Duration) -> String {
    let whole = took.as_secs();
    match whole {
        0..10 => format!("{:.1} s", took.as_secs_f64()),
        10..60 => format!("{whole} s"),
        _ => format!("{} min {} s", whole / 60, whole % 60),
    }
}

/// Formats the duration from one instant to another.
pub fn format_elapsed(from: Timestamp, to: Timestamp) -> String {
    format_duration(Duration::try_from(to.duration_since(from)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_times_use_the_largest_fitting_unit() {
        let now = Timestamp::UNIX_EPOCH;
        for (seconds, text) in [
            (0, "just now"),
            (-12, "12 s ago"),
            (-60, "1 min ago"),
            (-7_200, "2 h ago"),
            (-86_400, "1 day ago"),
            (-86_400 * 3, "3 days ago"),
            (-86_400 * 65, "2 months ago"),
            (-86_400 * 800, "2 years ago"),
            (86_400 * 2, "in 2 days"),
        ] {
            let then = now + jiff::SignedDuration::from_secs(seconds);
            assert_eq!(format_relative(now, then), text);
        }
    }

    #[test]
    fn durations_have_two_figures() {
        for (millis, text) in [(640, "0.6 s"), (41_200, "41 s"), (125_000, "2 min 5 s")] {
            assert_eq!(format_duration(Duration::from_millis(millis)), text);
        }
    }
}
