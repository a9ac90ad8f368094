//! Tests of schedules: due times, spans and errors.

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
    list_local_due_times(schedule, "Europe/Berlin", from, count)
}

/// The local times, with offsets, at which a schedule is due in a zone.
fn list_local_due_times(schedule: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
    let zone = super::find_zone(Some(zone)).unwrap();
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
fn skipped_times_of_lists_ranges_and_steps_are_due_after_the_change() {
    let from = "2027-03-27T23:30:00Z";
    let [three, half_past, fourteen] =
        ["2027-03-28T03:00:00+02:00", "2027-03-28T03:30:00+02:00", "2027-03-28T14:30:00+02:00"];
    for (schedule, due) in [
        ("30 2,14 28 3 *", &[three, fourteen] as &[&str]),
        ("0,30 2 28 3 *", &[three, half_past]),
        ("*/30 2 28 3 *", &[three, half_past]),
        ("0-30/30 2-2 28 3 *", &[three, half_past]),
        // The moved time of two and the time of three fall together.
        ("0 2,3 28 3 *", &[three]),
        // A moved time can be later than the first time that follows the change.
        ("0,45 2,3 28 3 *", &[three, "2027-03-28T03:45:00+02:00"]),
    ] {
        assert_eq!(list_due_times_in_berlin(schedule, from, due.len()), due, "{schedule}");
        let next = list_due_times_in_berlin(schedule, from, due.len() + 1).pop().unwrap();
        assert!(next.starts_with("2028-"), "{schedule}: {next}");
    }
}

#[test]
fn repeated_times_of_lists_ranges_and_steps_are_due_once() {
    for (schedule, due) in [
        ("30 2,14 31 10 *", &["2027-10-31T02:30:00+02:00", "2027-10-31T14:30:00+01:00"] as &[&str]),
        ("*/30 2 31 10 *", &["2027-10-31T02:00:00+02:00", "2027-10-31T02:30:00+02:00"]),
        (
            "15 1-3 31 10 *",
            &["2027-10-31T01:15:00+02:00", "2027-10-31T02:15:00+02:00", "2027-10-31T03:15:00+01:00"],
        ),
    ] {
        let found = list_due_times_in_berlin(schedule, "2027-10-30T20:00:00Z", due.len() + 1);
        assert_eq!(found[..due.len()], *due, "{schedule}");
        assert!(found[due.len()].starts_with("2028-"), "{schedule}: {found:?}");
    }
    // A search that begins in the second occurrence does not find the first one again.
    let second = "2027-10-31T01:10:00Z";
    assert_eq!(list_due_times_in_berlin("30 2,14 * * *", second, 1), ["2027-10-31T14:30:00+01:00"]);
}

#[test]
fn clock_change_at_midnight_neither_loses_nor_repeats_midnight() {
    assert_eq!(
        list_local_due_times("0 0,12 30 4 *", "Africa/Cairo", "2027-04-29T20:00:00Z", 2),
        ["2027-04-30T01:00:00+03:00", "2027-04-30T12:00:00+03:00"]
    );
    assert_eq!(
        list_local_due_times("0 23,0 28,29 10 *", "Africa/Cairo", "2027-10-27T21:30:00Z", 4),
        [
            "2027-10-28T23:00:00+03:00",
            "2027-10-29T00:00:00+02:00",
            "2027-10-29T23:00:00+02:00",
            "2028-10-28T00:00:00+02:00"
        ]
    );
}

#[test]
fn skipped_day_is_due_at_the_start_of_the_next() {
    // Samoa crossed the date line: 30 December 2011 did not exist there.
    assert_eq!(
        list_local_due_times("0 6,18 30 12 *", "Pacific/Apia", "2011-12-29T12:00:00Z", 2),
        ["2011-12-31T00:00:00+14:00", "2011-12-31T12:00:00+14:00"]
    );
}

/// Each year has as many due times as the calendar names, whichever zone: none is lost and none is added.
#[test]
fn number_of_due_times_in_a_year_does_not_depend_on_the_zone() {
    for name in
        ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "America/Santiago"]
    {
        let zone = super::find_zone(Some(name)).unwrap();
        let year_start =
            |year: i16| jiff::civil::date(year, 1, 1).to_zoned(zone.clone()).unwrap().timestamp();
        let (first, last) = (instant_before(year_start(2027)), instant_before(year_start(2028)));
        for (schedule, a_day) in [("30 2,14 * * *", 2), ("15 0,12,23 * * *", 3), ("20,40 0-3,9 * * *", 10)] {
            let span = find_due_between(schedule, &zone, first, last).unwrap().unwrap();
            // Skipped times of lists may fall together with later ones.
            let merged = if a_day == 10 { 0..=4 } else { 0..=0 };
            assert!(merged.contains(&(365 * a_day - span.count)), "{name} {schedule}: {}", span.count);
        }
    }
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
            resolve_schedule("@hourly", sample_tool_id(), &format!("job-{number}").parse().unwrap()).unwrap()
        })
        .collect();
    assert!(minutes.len() > 20, "{minutes:?}");
}

#[test]
fn midnight_macro_is_midnight() {
    assert_eq!(resolve_schedule("@midnight", sample_tool_id(), &"a".parse().unwrap()).unwrap(), "0 0 * * *");
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
    assert_eq!(list_due_times("0 0 29 2 +mon", "UTC", "2072-03-01T00:00:00Z", 1), ["2112-02-29T00:00:00Z"]);
    let job: JobName = "a".parse().unwrap();
    for never in ["0 0 31 2 *", "0 0 30 2 *", "0 0 31 4,6,9,11 *"] {
        let query = ScheduleQuery { schedule: never.to_owned(), job: Some(job.clone()), timezone: None };
        let refusal = preview_schedule(&query, sample_tool_id(), Timestamp::UNIX_EPOCH).unwrap_err();
        assert_eq!(refusal.code(), "schedule");
        assert!(refusal.public_message().contains("it is never due"), "{}", refusal.public_message());
        let century = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 365 * 100);
        assert_eq!(find_due_between(never, &TimeZone::UTC, Timestamp::UNIX_EPOCH, century).unwrap(), None);
    }
}

#[test]
fn deadline_longer_than_the_period_is_refused() {
    let (zone, now) = (TimeZone::UTC, Timestamp::UNIX_EPOCH);
    assert!(check_deadline("* * * * *", &zone, 60, now).is_ok());
    assert_eq!(check_deadline("* * * * *", &zone, 61, now).unwrap_err().code(), "starting-deadline");
    assert!(check_deadline("0 0 31 2 *", &zone, 30, now).is_err());
}
