//! Exponential back-off between restarts of a replica.

use std::time::Duration;

use crate::ContainerOutcome;

/// Parameters of the restart back-off. The delay doubles with each consecutive end of the container.
#[derive(Debug, Clone, Copy)]
pub struct RestartBackoff {
    /// Delay before the first restart.
    pub initial_delay: Duration,
    /// Maximum delay.
    pub max_delay: Duration,
    /// A container that ran at least this long resets the back-off.
    pub reset_after: Duration,
}

impl Default for RestartBackoff {
    fn default() -> Self {
        Self {
            initial_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(300),
            reset_after: Duration::from_secs(600),
        }
    }
}

impl RestartBackoff {
    /// Computes the delay before the restart after `ends` consecutive ends.
    pub fn compute_delay(&self, ends: u32) -> Duration {
        let doubled = 1u32.checked_shl(ends.saturating_sub(1)).unwrap_or(u32::MAX);
        self.initial_delay.saturating_mul(doubled).min(self.max_delay)
    }

    /// Counts one more end. Returns 1 if the container ran for `reset_after` or longer.
    pub fn count_consecutive_ends(&self, ends: u32, outcome: &ContainerOutcome) -> u32 {
        let ran = outcome.started.map(|started| outcome.ended.duration_since(started));
        let steady = ran.is_some_and(|ran| ran.unsigned_abs() >= self.reset_after);
        if steady { 1 } else { ends.saturating_add(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delay_doubles_up_to_its_maximum() {
        let backoff = RestartBackoff::default();
        let seconds = |ends| backoff.compute_delay(ends).as_secs();
        assert_eq!([seconds(1), seconds(2), seconds(4), seconds(40), seconds(4000)], [1, 2, 8, 300, 300]);
    }
}
