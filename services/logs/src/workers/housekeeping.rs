//! Forgets, once an hour, what is too old.

use hearth_kit::{Worker, queue::periodic_worker};
use jiff::SignedDuration;

use crate::{app::sweep::sweep, cx::Cx};

const SWEEP_INTERVAL: SignedDuration = SignedDuration::from_hours(1);

/// The worker.
pub fn create_worker(cx: &Cx) -> Worker {
    let (queue, cx) = (cx.store.queue.clone(), cx.clone());
    periodic_worker(&queue, "housekeeping", SWEEP_INTERVAL, move |now| {
        let cx = cx.clone();
        async move { sweep(&cx, now).await }
    })
}
