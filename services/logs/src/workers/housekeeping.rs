//! The hourly worker that deletes old lines.

use hearth_kit::{Worker, queue::create_periodic_worker};
use jiff::SignedDuration;

use crate::{app::sweep::delete_old_lines, context::LogsContext};

const SWEEP_INTERVAL: SignedDuration = SignedDuration::from_hours(1);

/// Creates the worker.
pub fn create_worker(cx: &LogsContext) -> Worker {
    let (queue, cx) = (cx.store.queue.clone(), cx.clone());
    create_periodic_worker(&queue, "housekeeping", SWEEP_INTERVAL, move |now| {
        let cx = cx.clone();
        async move { delete_old_lines(&cx, now).await }
    })
}
