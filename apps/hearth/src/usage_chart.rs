//! Charts of the recent resource usage of jobs, one line of text each.

use hearth_base::{Error, Result};
use hearth_wire::jobs::{JobMetrics, MetricsQuery, MetricsSample};
use jiff::{SignedDuration, Timestamp};

const BAR_SYMBOLS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// The symbol of a column without a sample.
const NO_SAMPLE_SYMBOL: char = '·';
/// The width of a chart in characters.
const CHART_WIDTH: u32 = 36;

/// The number of hours that a chart covers.
const CHART_HOURS: u32 = 3;

/// The query for the samples of a chart.
pub const RECENT_METRICS_QUERY: MetricsQuery = MetricsQuery { hours: Some(CHART_HOURS) };

/// Builds the table rows with the recent usage; none when the server has no metrics.
pub fn build_usage_rows(
    metrics_reply: Result<JobMetrics>,
    now: Timestamp,
) -> Result<Vec<(&'static str, String)>> {
    let metrics = match metrics_reply {
        Ok(metrics) => metrics,
        Err(error) if lacks_metrics_endpoint(&error) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    if metrics.samples.is_empty() {
        return Ok(Vec::new());
    }
    let (memory_chart, max_memory) = render_chart(&metrics, now, CHART_HOURS, |sample| sample.memory);
    let (cpu_chart, max_cpu) = render_chart(&metrics, now, CHART_HOURS, |sample| sample.cpu_micros);
    let mut rows = vec![
        ("used memory", format!("{memory_chart} up to {} in {CHART_HOURS} hours", format_memory(max_memory))),
        ("used CPU", format!("{cpu_chart} up to {}", format_processors(max_cpu, metrics.step))),
    ];
    let (disk_chart, max_disk) = render_chart(&metrics, now, CHART_HOURS, |sample| sample.disk);
    if max_disk > 0 {
        rows.push(("used disk", format!("{disk_chart} up to {}", format_memory(max_disk))));
    }
    let restarts: u32 = metrics.samples.iter().map(|sample| sample.restarts).sum();
    if restarts > 0 {
        rows.push(("restarts", format!("{restarts} in {CHART_HOURS} hours")));
    }
    Ok(rows)
}

/// Returns true when the server is of a release without the metrics endpoint.
fn lacks_metrics_endpoint(error: &Error) -> bool {
    error.code() == "no-such-path"
}

/// Renders the hours before `now`, the newest at the right, scaled to the maximum; returns the chart and the
/// maximum.
pub fn render_chart(
    metrics: &JobMetrics,
    now: Timestamp,
    hours: u32,
    measure: impl Fn(&MetricsSample) -> u64,
) -> (String, u64) {
    let seconds = i64::from(hours) * 3600 / i64::from(CHART_WIDTH);
    let began = now.saturating_sub(SignedDuration::from_hours(hours.into())).unwrap_or(now);
    let mut columns = vec![None; CHART_WIDTH as usize];
    for sample in &metrics.samples {
        let column = sample.at.duration_since(began).as_secs().max(0) / seconds.max(1);
        let place = usize::try_from(column).ok().and_then(|column| columns.get_mut(column));
        if let Some(value) = place {
            *value = (*value).max(Some(measure(sample)));
        }
    }
    let most = columns.iter().flatten().copied().max().unwrap_or(0);
    let bar = |value: u64| {
        let eighths = (u128::from(value) * 7).checked_div(most.into()).unwrap_or(0);
        usize::try_from(eighths)
            .ok()
            .and_then(|place| BAR_SYMBOLS.get(place))
            .copied()
            .unwrap_or(NO_SAMPLE_SYMBOL)
    };
    (columns.into_iter().map(|value| value.map_or(NO_SAMPLE_SYMBOL, bar)).collect(), most)
}

/// Formats bytes in the largest unit below the amount, as in 34Mi.
pub fn format_memory(bytes: u64) -> String {
    match bytes {
        0..1024 => bytes.to_string(),
        1024..1_048_576 => format!("{}Ki", bytes / 1024),
        1_048_576.. => format!("{}Mi", bytes / 1_048_576),
    }
}

/// Formats processor time (microseconds) within a step (seconds) as a number of processors, as in 0.25.
pub fn format_processors(micros: u64, step: u32) -> String {
    let hundredths = micros / (u64::from(step).max(1) * 10_000);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chart_bars_are_scaled_to_the_maximum() {
        let now: Timestamp = "2026-05-04T12:00:00Z".parse().unwrap();
        let sample = |minutes: i64, memory| MetricsSample {
            at: now - SignedDuration::from_mins(minutes),
            memory,
            cpu_micros: 0,
            disk: 0,
            containers: 1,
            restarts: 0,
        };
        let samples = vec![sample(180, 80), sample(12, 0), sample(6, 40), sample(5, 20), sample(1, 35)];
        let (drawn, most) = render_chart(&JobMetrics { step: 60, samples }, now, 3, |sample| sample.memory);
        assert_eq!(most, 80);
        assert_eq!(drawn, format!("█{}▁▄▄", "·".repeat(32)));
        let (empty, most) =
            render_chart(&JobMetrics { step: 60, samples: Vec::new() }, now, 3, |sample| sample.memory);
        assert_eq!((empty, most), ("·".repeat(36), 0));
    }

    #[test]
    fn amounts_are_rounded_to_few_figures() {
        assert_eq!([format_memory(12), format_memory(2048), format_memory(36 << 20)], ["12", "2Ki", "36Mi"]);
        assert_eq!([format_processors(600_000, 60), format_processors(120_000_000, 60)], ["0.01", "2.00"]);
    }
}
