//! Forgets, every ten minutes, uploads that are kept no longer.

use hearth_kit::{Worker, queue::periodic_worker};
use jiff::SignedDuration;

use crate::{app::sources, cx::Cx};

const SWEEP_INTERVAL: SignedDuration = SignedDuration::from_mins(10);

/// The worker.
pub fn create_worker(cx: &Cx) -> Worker {
    let (queue, cx) = (cx.store.queue.clone(), cx.clone());
    periodic_worker(&queue, "housekeeping", SWEEP_INTERVAL, move |now| {
        let cx = cx.clone();
        async move { sources::sweep(&cx, now).await }
    })
}
