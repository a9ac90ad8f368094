//! Times as people say them.

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
}
