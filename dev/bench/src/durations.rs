//! Percentiles of repeated duration measurements.

use std::time::Duration;

/// Sorted durations of repeated measurements.
#[derive(Debug, Clone, Default)]
pub struct Durations(Vec<Duration>);

impl Durations {
    /// Sorts these durations.
    pub fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// Percentile in milliseconds; zero without durations.
    pub fn percentile_millis(&self, percent: usize) -> f64 {
        let at = (self.0.len() * percent / 100).min(self.0.len().saturating_sub(1));
        to_millis(self.0.get(at).copied().unwrap_or_default())
    }

    /// Median in milliseconds.
    pub fn median_millis(&self) -> f64 {
        self.percentile_millis(50)
    }
}

/// Converts a duration to milliseconds.
pub fn to_millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_use_sorted_durations() {
        let times = Durations::new((1..=100).rev().map(Duration::from_millis).collect());
        assert_eq!(
            [times.median_millis(), times.percentile_millis(90), times.percentile_millis(100)],
            [51.0, 91.0, 100.0]
        );
        assert_eq!(Durations::default().median_millis(), 0.0);
    }
}
