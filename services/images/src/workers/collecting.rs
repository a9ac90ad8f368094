//! Collects, once an hour, what nothing relies on any more, and forgets old events.

use hearth_base::Result;
use hearth_kit::{Worker, queue::periodic_worker};
use jiff::{SignedDuration, Timestamp};

use crate::{app::collect, cx::Cx};

const COLLECT_INTERVAL: SignedDuration = SignedDuration::from_hours(1);

/// The worker.
pub fn create_worker(cx: &Cx) -> Worker {
    let (queue, cx) = (cx.store.queue.clone(), cx.clone());
    periodic_worker(&queue, "collect", COLLECT_INTERVAL, move |now| collect_garbage(cx.clone(), now))
}

async fn collect_garbage(cx: Cx, now: Timestamp) -> Result<()> {
    collect::run(&cx).await?;
    let tx = cx.store.begin().await?;
    cx.store.events.delete_old(&tx, now).await?;
    tx.commit().await
}
