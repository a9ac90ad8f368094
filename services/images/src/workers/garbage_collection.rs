//! Hourly garbage collection, and deletion of old events.

use hearth_base::Result;
use hearth_kit::{Worker, queue::create_periodic_worker};
use jiff::{SignedDuration, Timestamp};

use crate::{
    app::{garbage_collection, upstreams},
    context::ImagesContext,
};

const COLLECT_INTERVAL: SignedDuration = SignedDuration::from_hours(1);

/// Creates the worker.
pub fn create_worker(cx: &ImagesContext) -> Worker {
    let (queue, cx) = (cx.store.queue.clone(), cx.clone());
    create_periodic_worker(&queue, "collect", COLLECT_INTERVAL, move |now| collect_garbage(cx.clone(), now))
}

async fn collect_garbage(cx: ImagesContext, now: Timestamp) -> Result<()> {
    upstreams::eviction::collect_upstreams(&cx).await?;
    garbage_collection::collect_garbage(&cx).await?;
    let tx = cx.store.begin().await?;
    cx.store.events.delete_old_events(&tx, now).await?;
    tx.commit().await
}
