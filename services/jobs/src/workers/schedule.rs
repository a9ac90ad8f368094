//! Starts scheduled jobs when they are due.

use std::time::Duration;

use hearth_base::Result;
use hearth_kit::{backoff::Backoff, log_error, tasks::ShutdownSignal};
use tokio::time::Instant;

use super::FIRST_PAUSE;
use crate::{app, context::JobsContext, store::schedule_topic};

/// Maximum pause between two passes of the scheduler: the clock may be set meanwhile.
const MAX_SCHEDULER_PAUSE: Duration = Duration::from_secs(60);
/// Minimum pause: a due job may be locked by another transaction.
const MIN_SCHEDULER_PAUSE: Duration = Duration::from_millis(10);

/// Runs until the process stops. Several processes may run it: row locks let one of them start each due job.
pub async fn run(cx: JobsContext, stop: ShutdownSignal) {
    let mut listener = cx.store.listen([schedule_topic()]);
    let mut backoff = Backoff::new(FIRST_PAUSE, Duration::from_secs(10));
    while !stop.is_set() {
        let pause = match run_pass(&cx).await {
            Ok(pause) => pause,
            Err(error) => {
                log_error!(&error, "schedule pass failed; will retry");
                backoff.pause(&stop).await;
                continue;
            }
        };
        backoff.reset_pause();
        let _runs_after_timeout_too = listener.wait(Instant::now() + pause, &stop).await;
    }
}

/// Settles all due jobs, and returns the time until the next one is due.
async fn run_pass(cx: &JobsContext) -> Result<Duration> {
    app::scheduling::due::rewind_schedules(cx).await?;
    while app::scheduling::due::settle_due_jobs(cx).await? {}
    let Some(next) = cx.store.find_next_due_time().await? else { return Ok(MAX_SCHEDULER_PAUSE) };
    Ok(Duration::try_from(next.duration_since(cx.now()))
        .unwrap_or_default()
        .clamp(MIN_SCHEDULER_PAUSE, MAX_SCHEDULER_PAUSE))
}
