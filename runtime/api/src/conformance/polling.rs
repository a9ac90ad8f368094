//! Polling for a condition that sends no event.

use std::time::Duration;

/// Yields the times at which to poll, 5 ms apart, for at most ten seconds. The caller leaves the loop when
/// its condition holds. Blocks the thread.
pub fn poll_moments() -> impl Iterator<Item = ()> {
    const POLL_INTERVAL: Duration = Duration::from_millis(5);
    (0..2000).map(|number| {
        if number > 0 {
            std::thread::sleep(POLL_INTERVAL);
        }
    })
}
