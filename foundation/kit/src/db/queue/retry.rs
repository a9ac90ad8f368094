//! Retry policies of failed items.

use hearth_base::Error;
use jiff::{SignedDuration, Timestamp};

/// Retry policy: exponential back-off up to a maximum number of attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Number of failed attempts after which the item becomes a dead letter; `None`: never.
    pub max_attempts: Option<u32>,
    /// Pause after the first failure; each further pause is twice as long.
    pub first_pause: SignedDuration,
    /// Maximum pause.
    pub longest_pause: SignedDuration,
}

impl RetryPolicy {
    /// Ten attempts within 9 minutes, with pauses from 1 to 256 seconds.
    pub const DEFAULT: Self = Self {
        max_attempts: Some(10),
        first_pause: SignedDuration::from_secs(1),
        longest_pause: SignedDuration::from_mins(10),
    };

    /// Unlimited attempts with a constant pause.
    pub const fn with_unlimited_attempts(pause: SignedDuration) -> Self {
        Self { max_attempts: None, first_pause: pause, longest_pause: pause }
    }

    /// True when the next failure makes the item a dead letter, after `failures` failed attempts.
    pub fn is_last_attempt(&self, failures: u32) -> bool {
        self.max_attempts.is_some_and(|max_attempts| failures + 1 >= max_attempts)
    }

    /// The pause after `failures` failed attempts.
    pub fn compute_delay(&self, failures: u32) -> SignedDuration {
        let doubled = 1_i32 << failures.saturating_sub(1).min(20);
        self.first_pause.saturating_mul(doubled).min(self.longest_pause)
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Outcome of a processed item.
#[derive(Debug, Clone)]
pub enum ItemOutcome {
    /// The item is finished and deleted.
    Finished,
    /// The item is due again at this time.
    DueAt(Timestamp),
    /// The item failed and is retried at this time.
    RetryAt(Timestamp, Error),
}
