//! Pauses between tries of something that fails.

use std::time::Duration;

use crate::tasks::Stop;

/// Pauses that double from error to error, up to a longest one, and begin again after a success.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    next: Duration,
    longest: Duration,
}

impl Backoff {
    /// Pauses from `first` to `longest`.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self { first, next: first, longest }
    }

    /// Begins again with the first pause.
    pub fn reset(&mut self) {
        self.next = self.first;
    }

    /// Pauses; whether it is time to stop.
    pub async fn pause(&mut self, stop: &Stop) -> bool {
        let pause = self.next;
        self.next = (pause * 2).min(self.longest);
        stop.pause(pause).await
    }
}
