//! Forgets, once an hour, mails and deliveries of more than a week ago, and those beyond the newest of a webhook.

use hearth_base::Result;
use hearth_kit::tasks::Stop;
use jiff::{SignedDuration, Timestamp};

use crate::cx::Cx;

const KIND: &str = "housekeeping";
const EVERY: SignedDuration = SignedDuration::from_hours(1);
/// How many deliveries of one webhook are remembered.
const MOST: u32 = 500;
/// How long it is remembered what became of something.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 7);

/// Runs until it is told to stop.
pub async fn run(cx: Cx, stop: Stop) {
    let cx = &cx;
    cx.store.work.regularly(&*cx.clock, &stop, KIND, EVERY, |now| sweep(cx, now)).await;
}

async fn sweep(cx: &Cx, now: Timestamp) -> Result<()> {
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
