//! The hourly worker that deletes old events.

use hearth_base::Result;
use hearth_kit::{Worker, queue::create_periodic_worker};
use jiff::{SignedDuration, Timestamp};

use crate::context::ComponentsContext;

const SWEEP_INTERVAL: SignedDuration = SignedDuration::from_hours(1);

/// Creates the worker.
pub fn create_worker(cx: &ComponentsContext) -> Worker {
    let (queue, cx) = (cx.store.queue.clone(), cx.clone());
    create_periodic_worker(&queue, "housekeeping", SWEEP_INTERVAL, move |now| {
        delete_old_events(cx.clone(), now)
    })
}

async fn delete_old_events(cx: ComponentsContext, now: Timestamp) -> Result<()> {
    let tx = cx.store.begin().await?;
    cx.store.events.delete_old_events(&tx, now).await?;
    tx.commit().await
}
