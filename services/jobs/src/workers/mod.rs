//! Loops beside the API. Each may die at any moment, and be run twice: what they do is in rows.

pub mod exec;
pub mod housekeeping;
pub mod images;
pub mod logs;
pub mod metrics;
pub mod observe;
pub mod reconcile;
pub mod schedule;
pub mod unpin;

use std::time::Duration;

use hearth_base::Error;
use hearth_kit::tasks::Stop;

/// Pauses that double from a tenth of a second to `most`, and begin again when something went well.
struct Backoff {
    next: Duration,
    most: Duration,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(100);

    fn up_to(most: Duration) -> Self {
        Self { next: Self::FIRST, most }
    }

    fn reset(&mut self) {
        self.next = Self::FIRST;
    }

    /// Waits; whether it is time to end.
    async fn wait(&mut self, stop: &Stop) -> bool {
        let pause = self.next;
        self.next = (pause * 2).min(self.most);
        stop.pause(pause).await
    }
}

/// Leaves a line about a turn that did not work; it is tried again.
fn log(error: &Error, what: &'static str) {
    tracing::warn!(%error, cause = error.cause().map(ToString::to_string), "{what}");
}
