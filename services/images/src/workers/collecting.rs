//! Collects, once an hour, what nothing relies on any more, and forgets old events.

use hearth_kit::tasks::Stop;
use jiff::SignedDuration;

use crate::{app::collect, cx::Cx};

const KIND: &str = "collect";
const EVERY: SignedDuration = SignedDuration::from_hours(1);

/// Runs until it is told to stop.
pub async fn run(cx: Cx, stop: Stop) {
    let cx = &cx;
    let turn = async |now| {
        collect::run(cx).await?;
        let tx = cx.store.begin().await?;
        cx.store.events.delete_old(&tx, now).await?;
        tx.commit().await
    };
    cx.store.work.regularly(&*cx.clock, &stop, KIND, EVERY, turn).await;
}
