//! Tests of due times around clock changes: each schedule of a table in each zone, compared with the local times of the
//! calendar.

use std::collections::BTreeSet;

use jiff::{
    ToSpan,
    civil::{DateTime, date},
    tz::AmbiguousOffset,
};

use super::*;

/// Year, month and day.
type ChangeDay = (i16, i8, i8);

/// Zones with the days of their two clock changes: by an hour at night, by half an hour, and by an hour at midnight,
/// to the front and to the back.
const CHANGE_DAYS: [(&str, [ChangeDay; 2]); 4] = [
    ("Europe/Berlin", [(2027, 3, 28), (2027, 10, 31)]),
    ("Australia/Lord_Howe", [(2027, 10, 3), (2027, 4, 4)]),
    ("Africa/Cairo", [(2027, 4, 30), (2027, 10, 29)]),
    ("America/Santiago", [(2027, 9, 5), (2027, 4, 4)]),
];

const MINUTE_FIELDS: [&str; 7] = ["0", "30", "0,45", "*/20", "5-35/15", "10-12", "*"];
const HOUR_FIELDS: [&str; 9] = ["2", "0,12", "1-3", "*/2", "0-6", "0,23", "1-23/2", "*", "*/1"];

/// Lists the values of a field below `end`: a list of numbers, ranges and steps.
fn list_field_values(field: &str, end: i8) -> BTreeSet<i8> {
    let parse = |text: &str| text.parse::<i8>().unwrap();
    let parts = field.split(',').flat_map(|part| {
        let (range, step) = part.split_once('/').unwrap_or((part, "1"));
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (parse(first), parse(last)),
            None if range == "*" => (0, end - 1),
            None => (parse(range), parse(range)),
        };
        (first..=last).step_by(usize::from(step.parse::<u8>().unwrap())).collect::<Vec<_>>()
    });
    parts.collect()
}

/// The local minutes of three days around a change that match both fields.
fn list_local_times(day: ChangeDay, minutes: &str, hours: &str) -> Vec<DateTime> {
    let (minutes, hours) = (list_field_values(minutes, 60), list_field_values(hours, 24));
    let start = date(day.0, day.1, day.2).at(0, 0, 0, 0) - 1.day();
    let all = (0..3 * 24 * 60).map(|passed: i64| start + passed.minutes());
    all.filter(|at| minutes.contains(&at.minute()) && hours.contains(&at.hour())).collect()
}

/// The due times by the documented rules, found without a search.
fn list_expected_times(zone: &TimeZone, local: &[DateTime], is_hourly: bool) -> BTreeSet<Timestamp> {
    let mut first_skipped = None;
    let due = local.iter().flat_map(|at| match zone.to_ambiguous_timestamp(*at).offset() {
        AmbiguousOffset::Unambiguous { offset } => vec![offset.to_timestamp(*at).unwrap()],
        AmbiguousOffset::Fold { before, after } => {
            let both = [before, after].map(|offset| offset.to_timestamp(*at).unwrap());
            both.into_iter().take(if is_hourly { 2 } else { 1 }).collect()
        }
        AmbiguousOffset::Gap { .. } if is_hourly => Vec::new(),
        AmbiguousOffset::Gap { after, .. } => {
            let first = *first_skipped.get_or_insert(*at);
            let change = zone.following(after.to_timestamp(*at).unwrap()).next().unwrap().timestamp();
            vec![change + at.duration_since(first)]
        }
    });
    due.collect()
}

/// The due times of the same days by the search.
fn list_found_times(zone: &TimeZone, day: ChangeDay, schedule: &str) -> BTreeSet<Timestamp> {
    let start = date(day.0, day.1, day.2).at(0, 0, 0, 0) - 1.day();
    let to_instant = |at: DateTime| zone.to_ambiguous_timestamp(at).compatible().unwrap();
    let (after, end) = (instant_before(to_instant(start)), to_instant(start + 3.days()));
    let search = DueSearch::new(parse_for_years(schedule, 2027, 2027).unwrap(), zone);
    std::iter::successors(search.find_next(after), |at| search.find_next(*at))
        .take_while(|at| *at < end)
        .collect()
}

#[test]
fn every_local_time_around_a_clock_change_is_due_as_documented() {
    for (name, days) in CHANGE_DAYS {
        let zone = find_zone(Some(name)).unwrap();
        for (day, minutes, hours) in days
            .iter()
            .flat_map(|day| MINUTE_FIELDS.map(|minutes| (day, minutes)))
            .flat_map(|(day, minutes)| HOUR_FIELDS.map(|hours| (*day, minutes, hours)))
        {
            let schedule = format!("{minutes} {hours} * * *");
            let is_hourly = list_field_values(hours, 24).len() == 24;
            let expected = list_expected_times(&zone, &list_local_times(day, minutes, hours), is_hourly);
            let found = list_found_times(&zone, day, &schedule);
            assert!(!expected.is_empty(), "{schedule}");
            assert_eq!(found, expected, "{name} {day:?} {schedule}");
        }
    }
}

#[test]
fn schedule_of_certain_hours_is_never_due_twice_at_a_local_time() {
    for (name, days) in CHANGE_DAYS {
        let zone = find_zone(Some(name)).unwrap();
        for (day, minutes, hours) in [(days[1], "*/5", "0-6"), (days[1], "*", "0,1,2,23")] {
            let found = list_found_times(&zone, day, &format!("{minutes} {hours} * * *"));
            let local: BTreeSet<DateTime> = found.iter().map(|at| zone.to_datetime(*at)).collect();
            assert_eq!(found.len(), local.len(), "{name} {minutes} {hours}");
            let named: BTreeSet<DateTime> = list_local_times(day, minutes, hours).into_iter().collect();
            assert_eq!(local, named, "{name} {minutes} {hours}: each local time is due");
        }
    }
}

/// A job that runs every few minutes at night pauses while the clock repeats an hour; with all hours it does not.
#[test]
fn steps_of_minutes_in_certain_hours_pause_in_the_repeated_hour() {
    let zone = find_zone(Some("Europe/Berlin")).unwrap();
    let longest_pause = |schedule: &str| {
        let found: Vec<Timestamp> = list_found_times(&zone, (2027, 10, 31), schedule).into_iter().collect();
        let night = found.windows(2).filter(|pair| zone.to_datetime(pair[1]).hour() == 3);
        night.map(|pair| pair[1].duration_since(pair[0]).as_mins()).max()
    };
    assert_eq!(longest_pause("*/5 0-6 * * *"), Some(65));
    assert_eq!(longest_pause("*/5 * * * *"), Some(5));
}
