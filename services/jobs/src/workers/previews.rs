//! Deletes the jobs of ended previews, once a minute.

use hearth_kit::{Worker, queue::create_periodic_worker};
use jiff::SignedDuration;

use crate::{app::jobs::previews, context::JobsContext};

const EXPIRY_INTERVAL: SignedDuration = SignedDuration::from_mins(1);

/// Creates the worker that deletes once a minute.
pub fn create_worker(cx: &JobsContext) -> Worker {
    let (queue, cx) = (cx.store.queue.clone(), cx.clone());
    create_periodic_worker(&queue, "previews", EXPIRY_INTERVAL, move |now| {
        let cx = cx.clone();
        async move { previews::delete_ended_previews(&cx, now).await }
    })
}
