//! Periodic return of unused memory to the host.

use std::{convert::Infallible, time::Duration};

/// Delay before the first trim, after the start and its first work.
const FIRST_TRIM_DELAY: Duration = Duration::from_secs(3);
/// Interval of further trims, which return the memory of load peaks.
const TRIM_INTERVAL: Duration = Duration::from_secs(60);

/// Trims memory after the start and then periodically; never returns.
pub async fn run() -> Infallible {
    let mut pause = FIRST_TRIM_DELAY;
    loop {
        tokio::time::sleep(pause).await;
        hearth_runtime_local::trim_memory();
        pause = TRIM_INTERVAL;
    }
}
