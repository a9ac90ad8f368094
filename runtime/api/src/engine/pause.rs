//! How long to wait before something that ended is started again.

use std::time::Duration;

use crate::Outcome;

/// Growing pauses.
#[derive(Debug, Clone, Copy)]
pub struct Pauses {
    /// Before the first restart.
    pub first: Duration,
    /// The longest.
    pub most: Duration,
    /// Whoever ran this long begins again with the first pause.
    pub steady: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            most: Duration::from_secs(300),
            steady: Duration::from_secs(600),
        }
    }
}

impl Pauses {
    /// The pause after so many ends in a row.
    pub fn after(&self, ends: u32) -> Duration {
        let doubled = 1u32.checked_shl(ends.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first.saturating_mul(doubled).min(self.most)
    }

    /// How many ends in a row there are, after one more.
    pub fn count(&self, ends: u32, outcome: &Outcome) -> u32 {
        let ran = outcome.started.map(|started| outcome.ended.duration_since(started));
        let steady = ran.is_some_and(|ran| ran.unsigned_abs() >= self.steady);
        if steady { 1 } else { ends.saturating_add(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pauses = Pauses::default();
        let seconds = |ends| pauses.after(ends).as_secs();
        assert_eq!([seconds(1), seconds(2), seconds(4), seconds(40), seconds(4000)], [1, 2, 8, 300, 300]);
    }
}
