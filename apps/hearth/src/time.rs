//! Times as people say them.

use std::time::Duration;

use jiff::Timestamp;

/// How many of a unit make the next one, its name, and its name for more than one.
const STEPS: [(i64, &str, &str); 6] = [
    (60, "s", "s"),
    (60, "min", "min"),
    (24, "h", "h"),
    (30, "day", "days"),
    (12, "month", "months"),
    (i64::MAX, "year", "years"),
];

/// How far `then` is from `now`: `5 min ago`, `in 3 days`.
pub fn relative(now: Timestamp, then: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(then.as_second());
    let mut amount = seconds.saturating_abs();
    if amount < 10 {
        return "just now".to_owned();
    }
    let mut unit = "s";
    for (size, one, more) in STEPS {
        unit = if amount == 1 { one } else { more };
        if amount < size {
            break;
        }
        amount /= size;
    }
    if seconds > 0 { format!("{amount} {unit} ago") } else { format!("in {amount} {unit}") }
}

/// How long something took: `0.6 s`, `41 s`, `2 min 5 s`.
pub fn seconds(took: Duration) -> String {
    let whole = took.as_secs();
    match whole {
        0..10 => format!("{:.1} s", took.as_secs_f64()),
        10..60 => format!("{whole} s"),
        _ => format!("{} min {} s", whole / 60, whole % 60),
    }
}

/// How long it was from one instant to another.
pub fn took(from: Timestamp, to: Timestamp) -> String {
    seconds(Duration::try_from(to.duration_since(from)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_the_largest_unit_that_fits() {
        let now = Timestamp::UNIX_EPOCH;
        for (seconds, told) in [
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
            assert_eq!(relative(now, then), told);
        }
    }

    #[test]
    fn what_something_took_is_told_in_two_figures() {
        for (millis, told) in [(640, "0.6 s"), (41_200, "41 s"), (125_000, "2 min 5 s")] {
            assert_eq!(seconds(Duration::from_millis(millis)), told);
        }
    }
}
