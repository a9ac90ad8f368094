//! How long the same thing took again and again.

use std::time::Duration;

/// Durations of one thing, the quickest first.
#[derive(Debug, Clone, Default)]
pub struct Times(Vec<Duration>);

impl Times {
    /// Of these durations.
    pub fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// The one that `percent` of all are not above, in milliseconds; zero when there is none.
    pub fn percentile(&self, percent: usize) -> f64 {
        let at = (self.0.len() * percent / 100).min(self.0.len().saturating_sub(1));
        millis(self.0.get(at).copied().unwrap_or_default())
    }

    /// The middle one, in milliseconds.
    pub fn median(&self) -> f64 {
        self.percentile(50)
    }
}

/// A duration in milliseconds.
pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_times() {
        let times = Times::new((1..=100).rev().map(Duration::from_millis).collect());
        assert_eq!([times.median(), times.percentile(90), times.percentile(100)], [51.0, 91.0, 100.0]);
        assert_eq!(Times::default().median(), 0.0);
    }
}
