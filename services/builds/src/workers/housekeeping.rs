//! Deletes expired uploads and old events, and forgets absent builders, every ten minutes.

use hearth_kit::{Worker, queue::create_periodic_worker};
use jiff::SignedDuration;

use crate::{
    app::{builders, sources},
    context::BuildsContext,
};

const SWEEP_INTERVAL: SignedDuration = SignedDuration::from_mins(10);

/// Creates the worker.
pub fn create_worker(cx: &BuildsContext) -> Worker {
    let (queue, cx) = (cx.store.queue.clone(), cx.clone());
    create_periodic_worker(&queue, "housekeeping", SWEEP_INTERVAL, move |now| {
        let cx = cx.clone();
        async move {
            builders::forget_absent_builders(&cx, now).await?;
            sources::delete_expired(&cx, now).await?;
            let tx = cx.store.begin().await?;
            cx.store.events.delete_old_events(&tx, now).await?;
            tx.commit().await
        }
    })
}
