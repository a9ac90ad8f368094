//! Entry points for the fuzz targets of `dev/fuzz`: parsing of schedules.

use hearth_base::{JobName, Result, ToolId};
use jiff::{SignedDuration, Timestamp};

use crate::app::{definition::spec::STARTING_DEADLINE, scheduling::schedule};

/// A parsed schedule.
#[derive(Debug)]
pub struct ParsedSchedule {
    /// Its five fields.
    pub fields: String,
    /// The fields that result from parsing these five fields again.
    pub fields_reparsed: String,
    /// Its next due times.
    pub next_due: Vec<Timestamp>,
    /// First, last and number of the due times of the day that follows.
    pub due_in_a_day: Option<(Timestamp, Timestamp, u64)>,
}

/// Parses a schedule as the API does, and computes its due times after `after`.
pub fn read_schedule(
    text: &str,
    timezone: Option<&str>,
    (tool, job): (ToolId, &JobName),
    after: Timestamp,
) -> Result<ParsedSchedule> {
    let zone = schedule::find_zone(timezone)?;
    let fields = schedule::resolve_schedule(text, tool, job)?;
    let fields_reparsed = schedule::resolve_schedule(&fields, tool, job)?;
    schedule::check_deadline(&fields, &zone, STARTING_DEADLINE, after)?;
    let (mut due, mut last) = (Vec::new(), after);
    while due.len() < 3
        && let Some(at) = schedule::find_next_due(&fields, &zone, last)?
    {
        due.push(at);
        last = at;
    }
    let day = after.saturating_add(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MAX);
    let in_a_day = schedule::find_due_between(&fields, &zone, after, day)?;
    let in_a_day = in_a_day.map(|span| (span.first, span.last, span.count));
    Ok(ParsedSchedule { fields, fields_reparsed, next_due: due, due_in_a_day: in_a_day })
}
