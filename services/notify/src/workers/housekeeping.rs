//! The hourly worker that deletes old mails and deliveries.

use hearth_base::Result;
use hearth_kit::{Worker, queue::create_periodic_worker};
use jiff::{SignedDuration, Timestamp};

use crate::context::NotifyContext;

const SWEEP_INTERVAL: SignedDuration = SignedDuration::from_hours(1);
/// The number of deliveries kept for each webhook: the newest.
const MAX_DELIVERIES_PER_WEBHOOK: u32 = 500;
/// The time for which mails and deliveries are kept after they ended.
const RETENTION_PERIOD: SignedDuration = SignedDuration::from_hours(24 * 7);

/// Creates the hourly worker.
pub fn create_worker(cx: &NotifyContext) -> Worker {
    let (queue, cx) = (cx.store.queue.clone(), cx.clone());
    create_periodic_worker(&queue, "housekeeping", SWEEP_INTERVAL, move |now| {
        delete_old_mails_and_deliveries(cx.clone(), now)
    })
}

async fn delete_old_mails_and_deliveries(cx: NotifyContext, now: Timestamp) -> Result<()> {
    let tx = cx.store.begin().await?;
    cx.store.delete_old_mails(&tx, now - RETENTION_PERIOD).await?;
    tx.commit().await?;
    loop {
        let tx = cx.store.begin().await?;
        let deleted =
            cx.store.delete_old_deliveries(&tx, now - RETENTION_PERIOD, MAX_DELIVERIES_PER_WEBHOOK).await?;
        tx.commit().await?;
        if deleted == 0 {
            return Ok(());
        }
    }
}
