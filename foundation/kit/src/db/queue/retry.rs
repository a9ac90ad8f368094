//! When a failed item is tried again.

use hearth_base::Error;
use jiff::{SignedDuration, Timestamp};

/// When a failed item is tried again, and when it becomes a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// After so many failed attempts the item is a dead letter; absent: never.
    pub max_attempts: Option<u32>,
    /// The pause after the first failure; each pause is twice as long as the one before.
    pub first_pause: SignedDuration,
    /// The longest pause.
    pub longest_pause: SignedDuration,
}

impl RetryPolicy {
    /// Ten attempts within 9 minutes: pauses from 1 to 256 seconds.
    pub const DEFAULT: Self = Self {
        max_attempts: Some(10),
        first_pause: SignedDuration::from_secs(1),
        longest_pause: SignedDuration::from_mins(10),
    };

    /// Tries for ever, with the same pause after each failure.
    pub const fn forever(pause: SignedDuration) -> Self {
        Self { max_attempts: None, first_pause: pause, longest_pause: pause }
    }

    /// Whether the item becomes a dead letter with its next failure.
    pub fn is_last_attempt(&self, failures: u32) -> bool {
        self.max_attempts.is_some_and(|most| failures + 1 >= most)
    }

    /// How long to wait after so many failures.
    pub fn pause(&self, failures: u32) -> SignedDuration {
        let doubled = 1_i32 << failures.saturating_sub(1).min(20);
        self.first_pause.saturating_mul(doubled).min(self.longest_pause)
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The next step of an item that was performed.
#[derive(Debug, Clone)]
pub enum NextTurn {
    /// Nothing: the item is finished.
    Finished,
    /// It is due again at this time.
    DueAt(Timestamp),
    /// It failed, and is tried again at this time.
    RetryAt(Timestamp, Error),
}
