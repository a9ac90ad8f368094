//! Times as people say them.

use jiff::Timestamp;

const STEPS: [(i64, &str); 6] =
    [(60, "s"), (60, "min"), (24, "h"), (30, "day"), (12, "month"), (i64::MAX, "year")];

/// How far `then` is from `now`: `5 min ago`, `in 3 days`.
pub fn relative(now: Timestamp, then: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(then.as_second());
    let mut amount = seconds.saturating_abs();
    if amount < 10 {
        return "just now".to_owned();
    }
    let mut name = "s";
    for (size, unit) in STEPS {
        name = unit;
        if amount < size {
            break;
        }
        amount /= size;
    }
    let plural = if amount > 1 && name.len() > 3 || (amount > 1 && name == "day") { "s" } else { "" };
    if seconds > 0 { format!("{amount} {name}{plural} ago") } else { format!("in {amount} {name}{plural}") }
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
