//! A chart of a few characters: what jobs used lately.

use hearth_base::{Error, Result};
use hearth_wire::jobs::{Metrics, MetricsQuery, Sample};
use jiff::{SignedDuration, Timestamp};

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Nothing ran.
const NOTHING: char = '·';
/// How many characters it is wide.
const WIDTH: u32 = 36;

/// How many hours are shown.
const HOURS: u32 = 3;

/// What is asked for.
pub const LATELY: MetricsQuery = MetricsQuery { hours: Some(HOURS) };

/// The rows of a table that say what was used lately; none, from a server that does not count.
pub fn rows(asked: Result<Metrics>, now: Timestamp) -> Result<Vec<(&'static str, String)>> {
    let metrics = match asked {
        Ok(metrics) => metrics,
        Err(error) if is_older(&error) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    if metrics.samples.is_empty() {
        return Ok(Vec::new());
    }
    let (held, most) = chart(&metrics, now, HOURS, |sample| sample.memory);
    let (took, cpu) = chart(&metrics, now, HOURS, |sample| sample.cpu_micros);
    let mut rows = vec![
        ("used memory", format!("{held} up to {} in {HOURS} hours", memory(most))),
        ("used processors", format!("{took} up to {}", processors(cpu, metrics.step))),
    ];
    let (written, disk) = chart(&metrics, now, HOURS, |sample| sample.disk);
    if disk > 0 {
        rows.push(("used disk", format!("{written} up to {}", memory(disk))));
    }
    let restarts: u32 = metrics.samples.iter().map(|sample| sample.restarts).sum();
    if restarts > 0 {
        rows.push(("restarts", format!("{restarts} in {HOURS} hours")));
    }
    Ok(rows)
}

/// Whether the server is of a release that has no such path.
fn is_older(error: &Error) -> bool {
    error.code() == "no-such-path"
}

/// A chart of the hours before `now`, the newest at its right, in parts of what was most; and what was most.
pub fn chart(metrics: &Metrics, now: Timestamp, hours: u32, of: impl Fn(&Sample) -> u64) -> (String, u64) {
    let seconds = i64::from(hours) * 3600 / i64::from(WIDTH);
    let began = now.saturating_sub(SignedDuration::from_hours(hours.into())).unwrap_or(now);
    let mut columns = vec![None; WIDTH as usize];
    for sample in &metrics.samples {
        let column = sample.at.duration_since(began).as_secs().max(0) / seconds.max(1);
        let place = usize::try_from(column).ok().and_then(|column| columns.get_mut(column));
        if let Some(value) = place {
            *value = (*value).max(Some(of(sample)));
        }
    }
    let most = columns.iter().flatten().copied().max().unwrap_or(0);
    let bar = |value: u64| {
        let eighths = (u128::from(value) * 7).checked_div(most.into()).unwrap_or(0);
        usize::try_from(eighths).ok().and_then(|place| BARS.get(place)).copied().unwrap_or(NOTHING)
    };
    (columns.into_iter().map(|value| value.map_or(NOTHING, bar)).collect(), most)
}

/// Bytes in the largest unit that leaves a whole number worth reading, as in 34Mi.
pub fn memory(bytes: u64) -> String {
    match bytes {
        0..1024 => bytes.to_string(),
        1024..1_048_576 => format!("{}Ki", bytes / 1024),
        1_048_576.. => format!("{}Mi", bytes / 1_048_576),
    }
}

/// Processor time within a step as a number of processors, as in 0.25.
pub fn processors(micros: u64, step: u32) -> String {
    let hundredths = micros / (u64::from(step).max(1) * 10_000);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_shows_what_was_in_parts_of_the_most() {
        let now: Timestamp = "2026-05-04T12:00:00Z".parse().unwrap();
        let sample = |minutes: i64, memory| Sample {
            at: now - SignedDuration::from_mins(minutes),
            memory,
            cpu_micros: 0,
            disk: 0,
            containers: 1,
            restarts: 0,
        };
        let samples = vec![sample(180, 80), sample(12, 0), sample(6, 40), sample(5, 20), sample(1, 35)];
        let (drawn, most) = chart(&Metrics { step: 60, samples }, now, 3, |sample| sample.memory);
        assert_eq!(most, 80);
        assert_eq!(drawn, format!("█{}▁▄▄", "·".repeat(32)));
        let (empty, most) = chart(&Metrics { step: 60, samples: Vec::new() }, now, 3, |sample| sample.memory);
        assert_eq!((empty, most), ("·".repeat(36), 0));
    }

    #[test]
    fn amounts_are_told_in_few_figures() {
        assert_eq!([memory(12), memory(2048), memory(36 << 20)], ["12", "2Ki", "36Mi"]);
        assert_eq!([processors(600_000, 60), processors(120_000_000, 60)], ["0.01", "2.00"]);
    }
}
