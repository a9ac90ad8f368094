//! Parses schedules and computes due times.

#[cfg(test)]
mod clock_changes;
#[cfg(test)]
mod tests;

use std::str::FromStr;

use croner::{
    Cron, YEAR_LOWER_LIMIT, YEAR_UPPER_LIMIT,
    parser::{CronParser, Seconds, Year},
};
use hearth_base::{Error, JobName, Result, ToolId};
use hearth_wire::jobs::{DueTime, SchedulePlan, ScheduleQuery};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use sha2::{Digest, Sha256};

use super::due_search::DueSearch;

/// Resolves a schedule to five cron fields. Macros such as `@daily` are spread by a hash of tool and job, so
/// that not all jobs start at midnight: the time of a job is stable, and its day of the month is 1 to 28.
/// `@midnight` is midnight.
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
        "daily" => format!("{minute} {hour} * * *"),
        // The only macro that names a time: its job starts at that time.
        "midnight" => "0 0 * * *".to_owned(),
        "weekly" => format!("{minute} {hour} * * {weekday}"),
        "monthly" => format!("{minute} {hour} {day} * *"),
        "yearly" | "annually" => format!("{minute} {hour} {day} {month} *"),
        _ => {
            return Err(invalid_schedule_error(
                text,
                "the macros are @hourly, @daily, @midnight, @weekly, @monthly and @yearly",
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
    let year = zone.to_datetime(after.saturating_sub(LONGEST_GAP).unwrap_or(Timestamp::MIN)).year();
    let cron = parse_for_years(schedule, year, year.saturating_add(MAX_YEARS_UNTIL_DUE))?;
    Ok(DueSearch::new(cron, zone).find_next(after))
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
    let year_of = |at: Timestamp| zone.to_datetime(at).year();
    // A local time that a clock change skips may belong to the day, and so to the year, before.
    let first_year = year_of(after.saturating_sub(LONGEST_GAP).unwrap_or(Timestamp::MIN));
    let search = DueSearch::new(parse_for_years(schedule, first_year, year_of(to))?, zone);
    let next = |after: Timestamp| search.find_next(after).filter(|next| *next <= to);
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

/// The longest time that a clock change skips: a zone that crossed the date line skipped a day.
const LONGEST_GAP: SignedDuration = SignedDuration::from_hours(24);

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
