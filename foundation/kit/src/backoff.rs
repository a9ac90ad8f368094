//! Exponential back-off between retries.

use std::time::Duration;

use crate::tasks::ShutdownSignal;

/// Exponential back-off: the pause doubles after each error up to a maximum and is reset after a success.
#[derive(Debug, Clone)]
pub struct Backoff {
    first_pause: Duration,
    next_pause: Duration,
    max_pause: Duration,
}

impl Backoff {
    /// A back-off from the pause `first` up to the pause `longest`.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self { first_pause: first, next_pause: first, max_pause: longest }
    }

    /// Resets the next pause to the first one.
    pub fn reset_pause(&mut self) {
        self.next_pause = self.first_pause;
    }

    /// Sleeps for the next pause and doubles it. Returns true when the process shuts down.
    pub async fn pause(&mut self, stop: &ShutdownSignal) -> bool {
        let pause = self.next_pause;
        self.next_pause = (pause * 2).min(self.max_pause);
        stop.pause(pause).await
    }
}
