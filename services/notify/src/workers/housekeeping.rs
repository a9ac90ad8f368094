//! Forgets, once an hour, mails and deliveries of more than a week ago, and those beyond the newest of a webhook.

use hearth_base::Result;
use hearth_kit::{Worker, queue::periodic_worker};
use jiff::{SignedDuration, Timestamp};

use crate::cx::Cx;

const SWEEP_INTERVAL: SignedDuration = SignedDuration::from_hours(1);
/// How many deliveries of one webhook are remembered.
const MOST: u32 = 500;
/// How long it is remembered what became of something.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 7);

/// The worker.
pub fn create_worker(cx: &Cx) -> Worker {
    let (queue, cx) = (cx.store.queue.clone(), cx.clone());
    periodic_worker(&queue, "housekeeping", SWEEP_INTERVAL, move |now| delete_old(cx.clone(), now))
}

async fn delete_old(cx: Cx, now: Timestamp) -> Result<()> {
    let tx = cx.store.begin().await?;
    cx.store.mails_sweep(&tx, now - KEPT).await?;
    tx.commit().await?;
    loop {
        let tx = cx.store.begin().await?;
        let gone = cx.store.deliveries_sweep(&tx, now - KEPT, MOST).await?;
        tx.commit().await?;
        if gone == 0 {
            return Ok(());
        }
    }
}
