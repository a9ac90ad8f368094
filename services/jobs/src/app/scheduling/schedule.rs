//! When a scheduled job is due.

use std::str::FromStr;

use croner::{
    Cron, YEAR_LOWER_LIMIT, YEAR_UPPER_LIMIT,
    parser::{CronParser, Seconds, Year},
};
use hearth_base::{Error, JobName, Result, ToolId};
use hearth_wire::jobs::{DueTime, SchedulePlan, ScheduleQuery};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use sha2::{Digest, Sha256};

/// The schedule that `text` means for a job, in five fields. `@daily` and the like are spread, so that not all
/// jobs of the world start at midnight: always at the same time for the same job, on one of the days 1 to 28.
pub fn actual(text: &str, tool: ToolId, job: &JobName) -> Result<String> {
    let text = text.trim();
    let Some(word) = text.strip_prefix('@') else {
        return Ok(parse(text)?.as_str().to_owned());
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
            return Err(refused(text, "the words are @hourly, @daily, @weekly, @monthly and @yearly"));
        }
    })
}

/// The time zone of a schedule.
pub fn zone(name: Option<&str>) -> Result<TimeZone> {
    let Some(name) = name else { return Ok(TimeZone::UTC) };
    TimeZone::get(name).map_err(|cause| {
        Error::invalid("timezone", format!("{name:.60?} is not a time zone"))
            .help("write one of the IANA list, as in Europe/Berlin")
            .because(cause)
    })
}

/// The most years between two due times: 29 February is a given weekday every 28 years, and after 40 where a year such as
/// 2100 lies between. A schedule that is not due within them never is, as on 31 February.
const MAX_YEARS_UNTIL_DUE: i16 = 40;

/// The first time after `after` at which a schedule of five fields is due; none, when there is no such time.
pub fn next(schedule: &str, zone: &TimeZone, after: Timestamp) -> Result<Option<Timestamp>> {
    let from = after.to_zoned(zone.clone());
    let cron = parse_for_years(schedule, from.year(), from.year().saturating_add(MAX_YEARS_UNTIL_DUE))?;
    Ok(cron.find_next_occurrence(&from, false).ok().map(|next| next.timestamp()))
}

/// Due times in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub first: Timestamp,
    pub last: Timestamp,
    /// How many; [`MOST_COUNTED`] stands for as many or more.
    pub count: u64,
}

impl Span {
    /// A single one.
    pub fn one(at: Timestamp) -> Self {
        Self { first: at, last: at, count: 1 }
    }
}

/// The most due times that are counted.
const MOST_COUNTED: u64 = 10_000;

/// The due times after `after` and not after `to`; none, when there are none.
pub fn between(schedule: &str, zone: &TimeZone, after: Timestamp, to: Timestamp) -> Result<Option<Span>> {
    let year_of = |at: Timestamp| at.to_zoned(zone.clone()).year();
    let cron = parse_for_years(schedule, year_of(after), year_of(to))?;
    let next = |after: Timestamp| {
        let next = cron.find_next_occurrence(&after.to_zoned(zone.clone()), false).ok()?.timestamp();
        (next <= to).then_some(next)
    };
    let Some(first) = next(after) else { return Ok(None) };
    let mut span = Span::one(first);
    while let Some(at) = next(span.last) {
        span.last = at;
        span.count += 1;
        if span.count == MOST_COUNTED {
            // As far back as the counted ones reach from the first, the last is found from there.
            let reach = span.last.duration_since(span.first);
            let mut from = to.saturating_sub(reach).unwrap_or(span.last).max(span.last);
            while let Some(at) = next(from) {
                (span.last, from) = (at, at);
            }
        }
    }
    Ok(Some(span))
}

/// All due times of a span but the last.
pub fn before_last(schedule: &str, zone: &TimeZone, span: Span) -> Result<Option<Span>> {
    between(schedule, zone, just_before(span.first), just_before(span.last))
}

/// What is left of a span without these parts of it, each from its first due time to its last, the oldest first.
pub fn without(
    schedule: &str,
    zone: &TimeZone,
    span: Span,
    parts: impl Iterator<Item = (Timestamp, Timestamp)>,
) -> Result<Vec<Span>> {
    let (mut left, mut rest) = (Vec::new(), Some(span));
    for (first, last) in parts {
        let Some(Span { first: from, last: to, .. }) = rest else { break };
        left.extend(between(schedule, zone, just_before(from), just_before(first).min(to))?);
        rest = between(schedule, zone, last.max(just_before(from)), to)?;
    }
    left.extend(rest);
    Ok(left)
}

fn just_before(at: Timestamp) -> Timestamp {
    at - SignedDuration::from_micros(1)
}

/// What a schedule means for a job of this name: its next due times.
pub fn preview(query: &ScheduleQuery, tool: ToolId, now: Timestamp) -> Result<SchedulePlan> {
    let ScheduleQuery { schedule, job, timezone } = query;
    let zone = zone(timezone.as_deref())?;
    let unnamed = JobName::from_str("job")?;
    let schedule_actual = actual(schedule, tool, job.as_ref().unwrap_or(&unnamed))?;
    let mut due = Vec::new();
    let mut after = now;
    while let Some(at) = next(&schedule_actual, &zone, after)?
        && due.len() < PREVIEWED
    {
        due.push(DueTime { at, local: at.display_with_offset(zone.to_offset(at)).to_string() });
        after = at;
    }
    if due.is_empty() {
        return Err(no_such_day(&schedule_actual));
    }
    Ok(SchedulePlan { schedule_actual, timezone: timezone.clone().unwrap_or_else(|| "UTC".to_owned()), due })
}

/// How many due times are shown before a schedule is saved.
const PREVIEWED: usize = 10;

fn no_such_day(schedule: &str) -> Error {
    refused(schedule, "there is no such day; a job has to be due some time")
}

/// Refuses a deadline that is longer than the schedule's period.
pub fn check_deadline(schedule: &str, zone: &TimeZone, deadline: u32, now: Timestamp) -> Result<()> {
    let Some(first) = next(schedule, zone, now)? else {
        return Err(no_such_day(schedule));
    };
    let Some(second) = next(schedule, zone, first)? else { return Ok(()) };
    if SignedDuration::from_secs(deadline.into()) > second.duration_since(first) {
        let period = second.duration_since(first).as_secs();
        return Err(Error::invalid(
            "starting-deadline",
            format!("a run that is due every {period} seconds cannot start {deadline} seconds late"),
        )
        .help(format!("set starting_deadline to {period} or less")));
    }
    Ok(())
}

/// The fields of a schedule, and what each may be.
const FIELDS: [(&str, &str); 5] = [
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day", "1 to 31"),
    ("month", "1 to 12 or jan to dec"),
    ("weekday", "0 to 7 or sun to sat"),
];

fn parse(text: &str) -> Result<Cron> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Err(refused(text, "a schedule has five fields: minute, hour, day, month, weekday"));
    }
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    parser.parse(text).map_err(|cause| refused(text, &wrong(&parser, &fields)).because(cause))
}

/// The same schedule within some years: a search for a due time ends with them, where it would go on for millennia.
fn parse_for_years(text: &str, first: i16, last: i16) -> Result<Cron> {
    let five_fields = parse(text)?;
    let parser = CronParser::builder().seconds(Seconds::Required).year(Year::Required).build();
    let first = i32::from(first).clamp(YEAR_LOWER_LIMIT, YEAR_UPPER_LIMIT);
    let last = i32::from(last).clamp(first, YEAR_UPPER_LIMIT);
    let seven_fields = format!("0 {} {first}-{last}", five_fields.as_str());
    parser.parse(&seven_fields).map_err(Error::internal)
}

/// Which field is wrong, and what it may be: the first that is refused beside fields that are always good.
fn wrong(parser: &CronParser, fields: &[&str]) -> String {
    let refused = |at: usize| {
        let alone = (0..fields.len()).map(|other| if other == at { fields[at] } else { "*" });
        parser.parse(&alone.collect::<Vec<_>>().join(" ")).is_err()
    };
    let found = FIELDS.iter().zip(fields).enumerate().find(|(at, _)| refused(*at));
    match found {
        Some((_, ((name, range), field))) => {
            format!(
                "the {name} {field:.40?} is none: it is {range}, or * for any, or a list, range or step of these"
            )
        }
        None => "its fields do not go together".to_owned(),
    }
}

fn refused(text: &str, why: &str) -> Error {
    Error::invalid("schedule", format!("{text:.100?} is not a schedule: {why}"))
        .help("write five fields as in \"30 4 * * mon-fri\", or @hourly, @daily, @weekly, @monthly, @yearly")
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearth_base::Entropy;

    fn tool() -> ToolId {
        ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::Counting(7.into()))
    }

    fn times(schedule: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
        let zone = super::zone(Some(zone)).unwrap();
        let mut at: Timestamp = from.parse().unwrap();
        (0..count)
            .map(|_| {
                at = next(schedule, &zone, at).unwrap().unwrap();
                at.to_string()
            })
            .collect()
    }

    #[test]
    fn five_fields_with_lists_ranges_steps_and_names() {
        assert_eq!(
            times("*/20 4,16 * jan-mar mon", "UTC", "2026-01-04T23:00:00Z", 4),
            ["2026-01-05T04:00:00Z", "2026-01-05T04:20:00Z", "2026-01-05T04:40:00Z", "2026-01-05T16:00:00Z"]
        );
    }

    /// The local times, with offsets, at which a schedule is due in Berlin.
    fn in_berlin(schedule: &str, from: &str, count: usize) -> Vec<String> {
        let zone = super::zone(Some("Europe/Berlin")).unwrap();
        let mut at: Timestamp = from.parse().unwrap();
        (0..count)
            .map(|_| {
                at = next(schedule, &zone, at).unwrap().unwrap();
                at.display_with_offset(zone.to_offset(at)).to_string()
            })
            .collect()
    }

    // On 29 March 2026 two o'clock is followed by three; on 25 October the hour from two to three comes twice.

    #[test]
    fn a_time_that_the_clock_leaves_out_is_due_when_it_goes_on() {
        assert_eq!(
            in_berlin("30 2 * * *", "2026-03-28T12:00:00Z", 2),
            ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]
        );
        assert_eq!(
            in_berlin("*/30 * * * *", "2026-03-29T00:20:00Z", 3),
            ["2026-03-29T01:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00"]
        );
    }

    #[test]
    fn a_time_that_comes_twice_is_due_once_and_a_period_goes_on() {
        assert_eq!(
            in_berlin("30 2 * * *", "2026-10-24T12:00:00Z", 2),
            ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]
        );
        assert_eq!(
            in_berlin("*/30 * * * *", "2026-10-25T00:20:00Z", 5),
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
    fn due_times_are_counted_up_to_many_and_the_last_is_found() {
        let (zone, at) = (TimeZone::UTC, |text: &str| text.parse::<Timestamp>().unwrap());
        let count = |from: &str, to: &str| between("* * * * *", &zone, at(from), at(to)).unwrap();
        let (noon, minute) = ("2026-01-01T12:00:00Z", "2026-01-01T12:00:59Z");
        assert_eq!(count(noon, minute), None);
        let two = Span { first: at("2026-01-01T12:01:00Z"), last: at("2026-01-01T12:02:00Z"), count: 2 };
        assert_eq!(count(noon, "2026-01-01T12:02:00Z"), Some(two));
        assert_eq!(before_last("* * * * *", &zone, two).unwrap(), Some(Span::one(two.first)));
        assert_eq!(before_last("* * * * *", &zone, Span::one(two.first)).unwrap(), None);
        let many = count("1926-01-01T12:00:00Z", noon).unwrap();
        assert_eq!((many.first, many.last, many.count), (at("1926-01-01T12:01:00Z"), at(noon), MOST_COUNTED));
    }

    #[test]
    fn what_is_left_of_a_span_lies_around_what_is_taken_out() {
        let at = |minute: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute);
        let left = |parts: &[(i64, i64)]| -> Vec<(Timestamp, Timestamp, u64)> {
            let span = Span { first: at(10), last: at(14), count: 5 };
            let parts = parts.iter().map(|(first, last)| (at(*first), at(*last)));
            let left = without("* * * * *", &TimeZone::UTC, span, parts).unwrap();
            left.into_iter().map(|Span { first, last, count }| (first, last, count)).collect()
        };
        assert_eq!(left(&[]), [(at(10), at(14), 5)]);
        assert_eq!(left(&[(8, 10), (12, 12)]), [(at(11), at(11), 1), (at(13), at(14), 2)]);
        assert_eq!(left(&[(11, 11), (14, 20)]), [(at(10), at(10), 1), (at(12), at(13), 2)]);
        assert_eq!(left(&[(9, 20), (21, 22)]), []);
    }

    #[test]
    fn words_are_spread_and_stay_where_they_are() {
        for word in ["@hourly", "@daily", "@weekly", "@monthly", "@yearly", "@Annually"] {
            let once = actual(word, tool(), &"a".parse().unwrap()).unwrap();
            assert_eq!(once, actual(word, tool(), &"a".parse().unwrap()).unwrap());
            assert!(parse(&once).is_ok(), "{once}");
        }
        let minutes: std::collections::BTreeSet<String> = (0..50)
            .map(|number| actual("@hourly", tool(), &format!("job-{number}").parse().unwrap()).unwrap())
            .collect();
        assert!(minutes.len() > 20, "{minutes:?}");
    }

    #[test]
    fn what_is_no_schedule_is_refused_with_the_reason() {
        for text in ["", "* * * *", "* * * * * *", "61 * * * *", "@reboot", "@", "a b c d e"] {
            assert_eq!(actual(text, tool(), &"a".parse().unwrap()).unwrap_err().code(), "schedule", "{text}");
        }
        assert_eq!(zone(Some("Mars/Base")).unwrap_err().code(), "timezone");
    }

    #[test]
    fn the_field_that_is_wrong_is_named_with_what_it_may_be() {
        for (text, said) in [
            ("61 * * * *", "the minute \"61\" is none: it is 0 to 59, or"),
            ("*/5 24 * * *", "the hour \"24\" is none: it is 0 to 23, or"),
            ("0 0 0 * *", "the day \"0\" is none: it is 1 to 31, or"),
            ("0 0 1 foo *", "the month \"foo\" is none: it is 1 to 12 or jan to dec, or"),
            ("0 0 * * 8", "the weekday \"8\" is none: it is 0 to 7 or sun to sat, or"),
            ("5-1 * * * *", "the minute \"5-1\" is none"),
            ("0 1- * * *", "the hour \"1-\" is none"),
            ("*/0 * * * *", "the minute \"*/0\" is none"),
            ("0 é * * *", "the hour \"é\" is none"),
        ] {
            let refusal = actual(text, tool(), &"a".parse().unwrap()).unwrap_err();
            let expected = format!("{text:?} is not a schedule: {said}");
            assert!(refusal.public().starts_with(&expected), "{}", refusal.public());
            assert!(!refusal.public().contains("omponent"), "{}", refusal.public());
        }
    }

    #[test]
    fn rare_schedule_is_due_and_one_that_never_is_is_refused() {
        assert_eq!(times("0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", 1), ["2104-02-29T00:00:00Z"]);
        // 29 February on a Monday, across a year without it.
        assert_eq!(times("0 0 29 2 +mon", "UTC", "2072-03-01T00:00:00Z", 1), ["2112-02-29T00:00:00Z"]);
        let job: JobName = "a".parse().unwrap();
        for never in ["0 0 31 2 *", "0 0 30 2 *", "0 0 31 4,6,9,11 *"] {
            let query = ScheduleQuery { schedule: never.to_owned(), job: Some(job.clone()), timezone: None };
            let refusal = preview(&query, tool(), Timestamp::UNIX_EPOCH).unwrap_err();
            assert_eq!(refusal.code(), "schedule");
            assert!(refusal.public().contains("there is no such day"), "{}", refusal.public());
            let century = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 365 * 100);
            assert_eq!(between(never, &TimeZone::UTC, Timestamp::UNIX_EPOCH, century).unwrap(), None);
        }
    }

    #[test]
    fn a_deadline_fits_into_the_period() {
        let (zone, now) = (TimeZone::UTC, Timestamp::UNIX_EPOCH);
        assert!(check_deadline("* * * * *", &zone, 60, now).is_ok());
        assert_eq!(check_deadline("* * * * *", &zone, 61, now).unwrap_err().code(), "starting-deadline");
        assert!(check_deadline("0 0 31 2 *", &zone, 30, now).is_err());
    }
}
