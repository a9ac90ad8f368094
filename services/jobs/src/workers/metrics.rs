//! Counts, once a minute, what is used by what runs.

use hearth_kit::{Worker, queue::periodic_worker};
use jiff::SignedDuration;

use crate::{app::metrics, cx::Cx};

const SAMPLE_INTERVAL: SignedDuration = SignedDuration::from_mins(1);

/// The worker that counts once a minute.
pub fn create_worker(cx: &Cx) -> Worker {
    let (queue, cx) = (cx.store.queue.clone(), cx.clone());
    periodic_worker(&queue, "metrics", SAMPLE_INTERVAL, move |now| {
        let cx = cx.clone();
        async move { metrics::count(&cx, now).await }
    })
}
