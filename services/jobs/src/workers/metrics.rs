//! Samples the usage of running containers once a minute.

use hearth_kit::{Worker, queue::create_periodic_worker};
use jiff::SignedDuration;

use crate::{app::metrics, context::JobsContext};

const SAMPLE_INTERVAL: SignedDuration = SignedDuration::from_mins(1);

/// Creates the worker that samples once a minute.
pub fn create_worker(cx: &JobsContext) -> Worker {
    let (queue, cx) = (cx.store.queue.clone(), cx.clone());
    create_periodic_worker(&queue, "metrics", SAMPLE_INTERVAL, move |now| {
        let cx = cx.clone();
        async move { metrics::record_usage(&cx, now).await }
    })
}
