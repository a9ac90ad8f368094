//! Begins what is due, when it is due.

use std::time::Duration;

use hearth_base::Result;
use hearth_kit::{backoff::Backoff, log_error, tasks::Stop};
use tokio::time::Instant;

use super::FIRST_PAUSE;
use crate::{app, cx::Cx, store::schedule_topic};

/// The longest pause between two passes of the scheduler: the clock may have been set.
const MAX_SCHEDULER_PAUSE: Duration = Duration::from_secs(60);
/// The shortest: what is due may be locked by a change, which needs a moment.
const BREATH: Duration = Duration::from_millis(10);

/// Runs until it is told to stop. However many processes there are, each job is begun by one of them.
pub async fn run(cx: Cx, stop: Stop) {
    let mut listener = cx.store.listen([schedule_topic()]);
    let mut backoff = Backoff::new(FIRST_PAUSE, Duration::from_secs(10));
    while !stop.is_set() {
        let pause = match turn(&cx).await {
            Ok(pause) => pause,
            Err(error) => {
                log_error!(&error, "schedule pass failed; will retry");
                backoff.pause(&stop).await;
                continue;
            }
        };
        backoff.reset();
        let _looks_in_any_case = listener.wait(Instant::now() + pause, &stop).await;
    }
}

/// Does what is due, and says how long there is nothing more to do.
async fn turn(cx: &Cx) -> Result<Duration> {
    app::scheduling::due::set_back(cx).await?;
    while app::scheduling::due::turn(cx).await? {}
    let Some(next) = cx.store.next_due().await? else { return Ok(MAX_SCHEDULER_PAUSE) };
    Ok(Duration::try_from(next.duration_since(cx.now()))
        .unwrap_or_default()
        .clamp(BREATH, MAX_SCHEDULER_PAUSE))
}
