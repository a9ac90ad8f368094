//! Parses schedules and computes due times.

use std::str::FromStr;

use croner::{
    Cron, YEAR_LOWER_LIMIT, YEAR_UPPER_LIMIT,
    parser::{CronParser, Seconds, Year},
};
use hearth_base::{Error, JobName, Result, ToolId};
use hearth_wire::jobs::{DueTime, SchedulePlan, ScheduleQuery};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use sha2::{Digest, Sha256};

/// Resolves a schedule to five cron fields. Macros such as `@daily` are spread by a hash of tool and job, so
/// that not all jobs start at midnight: the time of a job is stable, and its day of the month is 1 to 28.
///
/// # Errors
///
/// `schedule` (invalid) when the text is not a schedule.
pub fn resolve_schedule(text: &str, tool: ToolId, job: &JobName) -> Result<String> {
    let text = text.trim();
    let Some(word) = text.strip_prefix('@') else {
        return Ok(parse_fields(text)?.as_str().to_owned());
    };
    let hash = Sha256::digest(format!("{tool}/{job}"));
    let below = |at: usize, size: u16| u16::from_be_bytes([hash[at], hash[at + 1]]) % size;
    let (minute, hour, day, weekday, month) =
        (below(0, 60), below(2, 24), below(4, 28) + 1, below(6, 7), below(8, 12) + 1);
    Ok(match word.to_ascii_lowercase().as_str() {
        "hourly" => format!("{minute} * * * *"),
        "daily" | "midnight" => format!("{minute} {hour} * * *"),
        "weekly" => format!("{minute} {hour} * * {weekday}"),
        "monthly" => format!("{minute} {hour} {day} * *"),
        "yearly" | "annually" => format!("{minute} {hour} {day} {month} *"),
        _ => {
            return Err(invalid_schedule_error(
                text,
                "the macros are @hourly, @daily, @weekly, @monthly and @yearly",
            ));
        }
    })
}

/// Returns the time zone of this IANA name; UTC without a name.
pub fn find_zone(name: Option<&str>) -> Result<TimeZone> {
    let Some(name) = name else { return Ok(TimeZone::UTC) };
    TimeZone::get(name).map_err(|cause| {
        Error::invalid("timezone", format!("invalid time zone {name:.60?}: expected an IANA name"))
            .help("use an IANA name, as in Europe/Berlin")
            .with_cause(cause)
    })
}

/// Maximum number of years between two due times: 29 February falls on a given weekday every 28 years, and
/// after 40 years across a year such as 2100. A schedule without a due time in this range, such as 31
/// February, has none.
const MAX_YEARS_UNTIL_DUE: i16 = 40;

/// Returns the first due time after `after`; `None` if the schedule has none.
pub fn find_next_due(schedule: &str, zone: &TimeZone, after: Timestamp) -> Result<Option<Timestamp>> {
    let from = after.to_zoned(zone.clone());
    let cron = parse_for_years(schedule, from.year(), from.year().saturating_add(MAX_YEARS_UNTIL_DUE))?;
    Ok(cron.find_next_occurrence(&from, false).ok().map(|next| next.timestamp()))
}

/// Consecutive due times of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueSpan {
    pub first: Timestamp,
    pub last: Timestamp,
    /// Number of due times; [`MAX_COUNTED_DUE_TIMES`] means that many or more.
    pub count: u64,
}

impl DueSpan {
    /// The span of a single due time.
    pub fn from_instant(at: Timestamp) -> Self {
        Self { first: at, last: at, count: 1 }
    }
}

/// Maximum count of due times in a span: counting ends there, so that a long downtime costs a bounded search.
const MAX_COUNTED_DUE_TIMES: u64 = 10_000;

/// Returns the due times in `(after, to]`; `None` if there are none.
pub fn find_due_between(
    schedule: &str,
    zone: &TimeZone,
    after: Timestamp,
    to: Timestamp,
) -> Result<Option<DueSpan>> {
    let year_of = |at: Timestamp| at.to_zoned(zone.clone()).year();
    let cron = parse_for_years(schedule, year_of(after), year_of(to))?;
    let next = |after: Timestamp| {
        let next = cron.find_next_occurrence(&after.to_zoned(zone.clone()), false).ok()?.timestamp();
        (next <= to).then_some(next)
    };
    let Some(first) = next(after) else { return Ok(None) };
    let mut span = DueSpan::from_instant(first);
    while let Some(at) = next(span.last) {
        span.last = at;
        span.count += 1;
        if span.count == MAX_COUNTED_DUE_TIMES {
            // Due times are about evenly spaced: the last one lies within the distance that the counted ones
            // cover.
            let reach = span.last.duration_since(span.first);
            let mut from = to.saturating_sub(reach).unwrap_or(span.last).max(span.last);
            while let Some(at) = next(from) {
                (span.last, from) = (at, at);
            }
        }
    }
    Ok(Some(span))
}

/// Returns all due times of a span except the last.
pub fn find_due_before_last(schedule: &str, zone: &TimeZone, span: DueSpan) -> Result<Option<DueSpan>> {
    find_due_between(schedule, zone, instant_before(span.first), instant_before(span.last))
}

/// Subtracts `parts` from a span and returns the remaining spans, the oldest first. Each part is a pair of
/// its first and last due time, and parts are in order.
pub fn subtract_spans(
    schedule: &str,
    zone: &TimeZone,
    span: DueSpan,
    parts: impl Iterator<Item = (Timestamp, Timestamp)>,
) -> Result<Vec<DueSpan>> {
    let (mut left, mut rest) = (Vec::new(), Some(span));
    for (first, last) in parts {
        let Some(DueSpan { first: from, last: to, .. }) = rest else { break };
        left.extend(find_due_between(schedule, zone, instant_before(from), instant_before(first).min(to))?);
        rest = find_due_between(schedule, zone, last.max(instant_before(from)), to)?;
    }
    left.extend(rest);
    Ok(left)
}

fn instant_before(at: Timestamp) -> Timestamp {
    at - SignedDuration::from_micros(1)
}

/// Returns the five fields and the next due times of a schedule for a job of this name.
pub fn preview_schedule(query: &ScheduleQuery, tool: ToolId, now: Timestamp) -> Result<SchedulePlan> {
    let ScheduleQuery { schedule, job, timezone } = query;
    let zone = find_zone(timezone.as_deref())?;
    let unnamed = JobName::from_str("job")?;
    let schedule_actual = resolve_schedule(schedule, tool, job.as_ref().unwrap_or(&unnamed))?;
    let mut due = Vec::new();
    let mut after = now;
    while let Some(at) = find_next_due(&schedule_actual, &zone, after)?
        && due.len() < PREVIEW_DUE_TIMES
    {
        due.push(DueTime { at, local: at.display_with_offset(zone.to_offset(at)).to_string() });
        after = at;
    }
    if due.is_empty() {
        return Err(never_due_error(&schedule_actual));
    }
    Ok(SchedulePlan { schedule_actual, timezone: timezone.clone().unwrap_or_else(|| "UTC".to_owned()), due })
}

/// Number of due times in a preview.
const PREVIEW_DUE_TIMES: usize = 10;

fn never_due_error(schedule: &str) -> Error {
    invalid_schedule_error(schedule, "it is never due: no month has this day")
}

/// Checks that a starting deadline in seconds is not longer than the schedule's period.
///
/// # Errors
///
/// `starting-deadline` (invalid) if it is longer, `schedule` (invalid) if the schedule has no due time.
pub fn check_deadline(schedule: &str, zone: &TimeZone, deadline: u32, now: Timestamp) -> Result<()> {
    let Some(first) = find_next_due(schedule, zone, now)? else {
        return Err(never_due_error(schedule));
    };
    let Some(second) = find_next_due(schedule, zone, first)? else { return Ok(()) };
    if SignedDuration::from_secs(deadline.into()) > second.duration_since(first) {
        let period = second.duration_since(first).as_secs();
        return Err(Error::invalid(
            "starting-deadline",
            format!("starting_deadline is too long: {deadline} seconds; the schedule is due every {period} seconds"),
        )
        .help(format!("set starting_deadline to {period} or less")));
    }
    Ok(())
}

/// Names of the fields of a schedule with their ranges.
const SCHEDULE_FIELDS: [(&str, &str); 5] = [
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day", "1 to 31"),
    ("month", "1 to 12 or jan to dec"),
    ("weekday", "0 to 7 or sun to sat"),
];

fn parse_fields(text: &str) -> Result<Cron> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() != SCHEDULE_FIELDS.len() {
        return Err(invalid_schedule_error(
            text,
            "a schedule has five fields: minute, hour, day, month, weekday",
        ));
    }
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    parser.parse(text).map_err(|cause| {
        invalid_schedule_error(text, &describe_wrong_field(&parser, &fields)).with_cause(cause)
    })
}

/// Parses a schedule with a range of years, which bounds the search for a due time: without one it covers
/// millennia.
fn parse_for_years(text: &str, first: i16, last: i16) -> Result<Cron> {
    let five_fields = parse_fields(text)?;
    let parser = CronParser::builder().seconds(Seconds::Required).year(Year::Required).build();
    let first = i32::from(first).clamp(YEAR_LOWER_LIMIT, YEAR_UPPER_LIMIT);
    let last = i32::from(last).clamp(first, YEAR_UPPER_LIMIT);
    let seven_fields = format!("0 {} {first}-{last}", five_fields.as_str());
    parser.parse(&seven_fields).map_err(Error::internal)
}

/// Names the first invalid field and its range. Each field is parsed with `*` in all others, since the parser
/// does not say which one it refuses.
fn describe_wrong_field(parser: &CronParser, fields: &[&str]) -> String {
    let refused = |at: usize| {
        let alone = (0..fields.len()).map(|other| if other == at { fields[at] } else { "*" });
        parser.parse(&alone.collect::<Vec<_>>().join(" ")).is_err()
    };
    let found = SCHEDULE_FIELDS.iter().zip(fields).enumerate().find(|(at, _)| refused(*at));
    match found {
        Some((_, ((name, range), field))) => {
            format!(
                "invalid {name} {field:.40?}: expected {range}, * for any, or a list, range or step of these"
            )
        }
        None => "its fields contradict each other".to_owned(),
    }
}

fn invalid_schedule_error(text: &str, why: &str) -> Error {
    Error::invalid("schedule", format!("{text:.100?} is not a valid schedule: {why}"))
        .help("use five fields, as in \"30 4 * * mon-fri\", or @hourly, @daily, @weekly, @monthly, @yearly")
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearth_base::Entropy;

    fn sample_tool_id() -> ToolId {
        ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::Counting(7.into()))
    }

    fn list_due_times(schedule: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
        let zone = super::find_zone(Some(zone)).unwrap();
        let mut at: Timestamp = from.parse().unwrap();
        (0..count)
            .map(|_| {
                at = find_next_due(schedule, &zone, at).unwrap().unwrap();
                at.to_string()
            })
            .collect()
    }

    #[test]
    fn schedule_with_lists_ranges_steps_and_names_is_parsed() {
        assert_eq!(
            list_due_times("*/20 4,16 * jan-mar mon", "UTC", "2026-01-04T23:00:00Z", 4),
            ["2026-01-05T04:00:00Z", "2026-01-05T04:20:00Z", "2026-01-05T04:40:00Z", "2026-01-05T16:00:00Z"]
        );
    }

    /// The local times, with offsets, at which a schedule is due in Berlin.
    fn list_due_times_in_berlin(schedule: &str, from: &str, count: usize) -> Vec<String> {
        let zone = super::find_zone(Some("Europe/Berlin")).unwrap();
        let mut at: Timestamp = from.parse().unwrap();
        (0..count)
            .map(|_| {
                at = find_next_due(schedule, &zone, at).unwrap().unwrap();
                at.display_with_offset(zone.to_offset(at)).to_string()
            })
            .collect()
    }

    // On 29 March 2026 two o'clock is followed by three; on 25 October the hour from two to three comes
    // twice.

    #[test]
    fn local_time_skipped_by_dst_is_due_after_the_change() {
        assert_eq!(
            list_due_times_in_berlin("30 2 * * *", "2026-03-28T12:00:00Z", 2),
            ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]
        );
        assert_eq!(
            list_due_times_in_berlin("*/30 * * * *", "2026-03-29T00:20:00Z", 3),
            ["2026-03-29T01:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00"]
        );
    }

    #[test]
    fn local_time_repeated_by_dst_is_due_once() {
        assert_eq!(
            list_due_times_in_berlin("30 2 * * *", "2026-10-24T12:00:00Z", 2),
            ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]
        );
        assert_eq!(
            list_due_times_in_berlin("*/30 * * * *", "2026-10-25T00:20:00Z", 5),
            [
                "2026-10-25T02:30:00+02:00",
                "2026-10-25T02:00:00+01:00",
                "2026-10-25T02:30:00+01:00",
                "2026-10-25T03:00:00+01:00",
                "2026-10-25T03:30:00+01:00"
            ]
        );
    }

    #[test]
    fn due_times_are_counted_up_to_a_limit_and_the_last_is_found() {
        let (zone, at) = (TimeZone::UTC, |text: &str| text.parse::<Timestamp>().unwrap());
        let count = |from: &str, to: &str| find_due_between("* * * * *", &zone, at(from), at(to)).unwrap();
        let (noon, minute) = ("2026-01-01T12:00:00Z", "2026-01-01T12:00:59Z");
        assert_eq!(count(noon, minute), None);
        let two = DueSpan { first: at("2026-01-01T12:01:00Z"), last: at("2026-01-01T12:02:00Z"), count: 2 };
        assert_eq!(count(noon, "2026-01-01T12:02:00Z"), Some(two));
        assert_eq!(
            find_due_before_last("* * * * *", &zone, two).unwrap(),
            Some(DueSpan::from_instant(two.first))
        );
        assert_eq!(find_due_before_last("* * * * *", &zone, DueSpan::from_instant(two.first)).unwrap(), None);
        let many = count("1926-01-01T12:00:00Z", noon).unwrap();
        assert_eq!(
            (many.first, many.last, many.count),
            (at("1926-01-01T12:01:00Z"), at(noon), MAX_COUNTED_DUE_TIMES)
        );
    }

    #[test]
    fn subtracting_spans_leaves_the_gaps() {
        let at = |minute: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute);
        let left = |parts: &[(i64, i64)]| -> Vec<(Timestamp, Timestamp, u64)> {
            let span = DueSpan { first: at(10), last: at(14), count: 5 };
            let parts = parts.iter().map(|(first, last)| (at(*first), at(*last)));
            let left = subtract_spans("* * * * *", &TimeZone::UTC, span, parts).unwrap();
            left.into_iter().map(|DueSpan { first, last, count }| (first, last, count)).collect()
        };
        assert_eq!(left(&[]), [(at(10), at(14), 5)]);
        assert_eq!(left(&[(8, 10), (12, 12)]), [(at(11), at(11), 1), (at(13), at(14), 2)]);
        assert_eq!(left(&[(11, 11), (14, 20)]), [(at(10), at(10), 1), (at(12), at(13), 2)]);
        assert_eq!(left(&[(9, 20), (21, 22)]), []);
    }

    #[test]
    fn schedule_macros_are_spread_and_stable() {
        for word in ["@hourly", "@daily", "@weekly", "@monthly", "@yearly", "@Annually"] {
            let once = resolve_schedule(word, sample_tool_id(), &"a".parse().unwrap()).unwrap();
            assert_eq!(once, resolve_schedule(word, sample_tool_id(), &"a".parse().unwrap()).unwrap());
            assert!(parse_fields(&once).is_ok(), "{once}");
        }
        let minutes: std::collections::BTreeSet<String> = (0..50)
            .map(|number| {
                resolve_schedule("@hourly", sample_tool_id(), &format!("job-{number}").parse().unwrap())
                    .unwrap()
            })
            .collect();
        assert!(minutes.len() > 20, "{minutes:?}");
    }

    #[test]
    fn invalid_schedule_is_refused() {
        for text in ["", "* * * *", "* * * * * *", "61 * * * *", "@reboot", "@", "a b c d e"] {
            assert_eq!(
                resolve_schedule(text, sample_tool_id(), &"a".parse().unwrap()).unwrap_err().code(),
                "schedule",
                "{text}"
            );
        }
        assert_eq!(find_zone(Some("Mars/Base")).unwrap_err().code(), "timezone");
    }

    #[test]
    fn invalid_field_is_named_with_its_range() {
        for (text, problem) in [
            ("61 * * * *", "invalid minute \"61\": expected 0 to 59, "),
            ("*/5 24 * * *", "invalid hour \"24\": expected 0 to 23, "),
            ("0 0 0 * *", "invalid day \"0\": expected 1 to 31, "),
            ("0 0 1 foo *", "invalid month \"foo\": expected 1 to 12 or jan to dec, "),
            ("0 0 * * 8", "invalid weekday \"8\": expected 0 to 7 or sun to sat, "),
            ("5-1 * * * *", "invalid minute \"5-1\": "),
            ("0 1- * * *", "invalid hour \"1-\": "),
            ("*/0 * * * *", "invalid minute \"*/0\": "),
            ("0 é * * *", "invalid hour \"é\": "),
        ] {
            let refusal = resolve_schedule(text, sample_tool_id(), &"a".parse().unwrap()).unwrap_err();
            let expected = format!("{text:?} is not a valid schedule: {problem}");
            assert!(refusal.public_message().starts_with(&expected), "{}", refusal.public_message());
            assert!(!refusal.public_message().contains("omponent"), "{}", refusal.public_message());
        }
    }

    #[test]
    fn rare_schedule_is_due_and_impossible_one_is_refused() {
        assert_eq!(list_due_times("0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", 1), ["2104-02-29T00:00:00Z"]);
        // 29 February on a Monday, across a year without it.
        assert_eq!(
            list_due_times("0 0 29 2 +mon", "UTC", "2072-03-01T00:00:00Z", 1),
            ["2112-02-29T00:00:00Z"]
        );
        let job: JobName = "a".parse().unwrap();
        for never in ["0 0 31 2 *", "0 0 30 2 *", "0 0 31 4,6,9,11 *"] {
            let query = ScheduleQuery { schedule: never.to_owned(), job: Some(job.clone()), timezone: None };
            let refusal = preview_schedule(&query, sample_tool_id(), Timestamp::UNIX_EPOCH).unwrap_err();
            assert_eq!(refusal.code(), "schedule");
            assert!(refusal.public_message().contains("it is never due"), "{}", refusal.public_message());
            let century = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 365 * 100);
            assert_eq!(
                find_due_between(never, &TimeZone::UTC, Timestamp::UNIX_EPOCH, century).unwrap(),
                None
            );
        }
    }

    #[test]
    fn deadline_longer_than_the_period_is_refused() {
        let (zone, now) = (TimeZone::UTC, Timestamp::UNIX_EPOCH);
        assert!(check_deadline("* * * * *", &zone, 60, now).is_ok());
        assert_eq!(check_deadline("* * * * *", &zone, 61, now).unwrap_err().code(), "starting-deadline");
        assert!(check_deadline("0 0 31 2 *", &zone, 30, now).is_err());
    }
}
