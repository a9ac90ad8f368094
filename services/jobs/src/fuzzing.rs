//! Entries for the fuzz targets of `dev/fuzz`: schedules as people write them.

use hearth_base::{JobName, Result, ToolId};
use jiff::{SignedDuration, Timestamp};

use crate::app::{definition::spec::STARTING_DEADLINE, scheduling::schedule};

/// A schedule as it was understood.
#[derive(Debug)]
pub struct Understood {
    /// Its five fields.
    pub fields: String,
    /// The fields that these five fields mean when they are read again.
    pub fields_again: String,
    /// Its next due times.
    pub due: Vec<Timestamp>,
    /// First, last and number of the due times of the day that follows.
    pub in_a_day: Option<(Timestamp, Timestamp, u64)>,
}

/// Reads a schedule as the API does, and looks up what is due after `after`.
pub fn read_schedule(
    text: &str,
    timezone: Option<&str>,
    (tool, job): (ToolId, &JobName),
    after: Timestamp,
) -> Result<Understood> {
    let zone = schedule::zone(timezone)?;
    let fields = schedule::actual(text, tool, job)?;
    let fields_again = schedule::actual(&fields, tool, job)?;
    schedule::check_deadline(&fields, &zone, STARTING_DEADLINE, after)?;
    let (mut due, mut last) = (Vec::new(), after);
    while due.len() < 3
        && let Some(at) = schedule::next(&fields, &zone, last)?
    {
        due.push(at);
        last = at;
    }
    let day = after.saturating_add(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MAX);
    let in_a_day = schedule::between(&fields, &zone, after, day)?;
    let in_a_day = in_a_day.map(|span| (span.first, span.last, span.count));
    Ok(Understood { fields, fields_again, due, in_a_day })
}
