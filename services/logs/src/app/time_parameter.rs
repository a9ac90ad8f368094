//! Time parameters of queries: an instant, or a duration before now.

use hearth_base::{Error, ErrorKind, Result};
use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};

/// Parses the parameter `name`: `2026-05-04T12:00:00+02:00`, the same without an offset
/// (then in UTC), `2026-05-04`, or a duration before `now`: `6s`, `1h32m22s`, `2d`.
pub fn parse_instant(name: &str, text: &str, now: Timestamp) -> Result<Timestamp> {
    let text = text.trim();
    if let Ok(instant) = text.parse() {
        return Ok(instant);
    }
    let civil = text.parse::<DateTime>().ok().and_then(|civil| civil.to_zoned(TimeZone::UTC).ok());
    if let Some(civil) = civil {
        return Ok(civil.timestamp());
    }
    // An unescaped plus in a query arrives as a space.
    if let Ok(instant) = text.replacen(' ', "+", 1).parse() {
        return Ok(instant);
    }
    let ago = parse_duration(text).and_then(|ago| now.checked_sub(ago).ok());
    ago.ok_or_else(|| {
        let cut: String = text.chars().take(60).collect();
        let public = format!("invalid {name} {cut:?}: expected a time or an age");
        Error::new(ErrorKind::Unprocessable, "logs-time", public)
            .help("write it as in 2026-05-04T12:00:00Z or 1h30m")
    })
}

/// Parses a sum of numbers with units (`w`, `d`, `h`, `m` or `min`, `s`, `ms`), as in `1h30m`.
fn parse_duration(text: &str) -> Option<SignedDuration> {
    let mut left = text.trim();
    let mut sum = SignedDuration::ZERO;
    if left.is_empty() {
        return None;
    }
    while !left.is_empty() {
        let digits = left.find(|symbol: char| !symbol.is_ascii_digit())?;
        let (number, rest) = left.split_at(digits);
        let end = rest.find(|symbol: char| !symbol.is_ascii_alphabetic()).unwrap_or(rest.len());
        let (unit, rest) = rest.split_at(end);
        let millis: i64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            _ => return None,
        };
        let part = number.parse::<i64>().ok()?.checked_mul(millis)?;
        sum = sum.checked_add(SignedDuration::from_millis(part))?;
        left = rest.trim_start();
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build_now() -> Timestamp {
        "2026-05-04T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn instants_and_durations_are_read() -> Result<()> {
        for (text, meant) in [
            ("2026-03-02T21:29:55+01:00", "2026-03-02T20:29:55Z"),
            ("2026-03-02T21:29:55 01:00", "2026-03-02T20:29:55Z"),
            ("2026-03-02T21:29:55.25Z", "2026-03-02T21:29:55.25Z"),
            ("2026-03-02T21:29:55", "2026-03-02T21:29:55Z"),
            ("2026-03-02", "2026-03-02T00:00:00Z"),
            ("6s", "2026-05-04T11:59:54Z"),
            ("1h32m22s", "2026-05-04T10:27:38Z"),
            ("1w 1d", "2026-04-26T12:00:00Z"),
            ("500ms", "2026-05-04T11:59:59.5Z"),
            ("0s", "2026-05-04T12:00:00Z"),
        ] {
            assert_eq!(parse_instant("since", text, build_now())?.to_string(), meant, "{text}");
        }
        Ok(())
    }

    #[test]
    fn invalid_times_are_refused() {
        let long = "9".repeat(100_000);
        for text in
            ["", " ", "6", "s", "-6s", "6x", "999999999999d", "1h-2m", "yesterday", "６s", "\0", &long]
        {
            let refused = parse_instant("since", text, build_now()).unwrap_err();
            assert_eq!((refused.kind(), refused.code()), (ErrorKind::Unprocessable, "logs-time"), "{text:?}");
            assert!(refused.public_message().len() < 300);
        }
    }
}
