//! The hourly worker that deletes old events and deliveries of forges, and previews whose time is over.

use hearth_base::Result;
use hearth_kit::{Worker, queue::create_periodic_worker};
use jiff::{SignedDuration, Timestamp};

use crate::{app::preview_removal::delete_expired_previews, context::ComponentsContext};

const SWEEP_INTERVAL: SignedDuration = SignedDuration::from_hours(1);
/// The number of deliveries kept for each link: the newest.
const MAX_DELIVERIES_PER_LINK: u32 = 1000;
/// The time for which deliveries are kept. A delivery that is repeated later is deployed again.
const DELIVERY_RETENTION: SignedDuration = SignedDuration::from_hours(24 * 30);

/// Creates the worker.
pub fn create_worker(cx: &ComponentsContext) -> Worker {
    let (queue, cx) = (cx.store.queue.clone(), cx.clone());
    create_periodic_worker(&queue, "housekeeping", SWEEP_INTERVAL, move |now| {
        delete_old_rows(cx.clone(), now)
    })
}

async fn delete_old_rows(cx: ComponentsContext, now: Timestamp) -> Result<()> {
    let tx = cx.store.begin().await?;
    cx.store.events.delete_old_events(&tx, now).await?;
    tx.commit().await?;
    loop {
        let tx = cx.store.begin().await?;
        let before = now - DELIVERY_RETENTION;
        let deleted = cx.store.delete_old_deliveries(&tx, before, MAX_DELIVERIES_PER_LINK).await?;
        tx.commit().await?;
        if deleted == 0 {
            break;
        }
    }
    delete_expired_previews(&cx).await
}
