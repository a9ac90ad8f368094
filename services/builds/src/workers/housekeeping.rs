//! Forgets, every ten minutes, uploads that are kept no longer.

use hearth_base::Result;
use hearth_kit::tasks::Stop;
use jiff::SignedDuration;
use serde_json::Value;

use super::pieces;
use crate::{app::sources, cx::Cx};

const KIND: &str = "housekeeping";
const EVERY: SignedDuration = SignedDuration::from_mins(10);

/// Makes sure that there is a turn to come.
pub async fn prepare(cx: &Cx) -> Result<()> {
    let tx = cx.store.begin().await?;
    cx.store.work.ask(&tx, KIND, "turn", &Value::Null, cx.clock.now()).await?;
    tx.commit().await
}

/// Runs until it is told to stop.
pub async fn run(cx: Cx, stop: Stop) {
    let cx = &cx;
    pieces::each::<Value, _>(cx, &stop, KIND, |claim| async move {
        // From when it looked, not from when it was done: the clock goes on meanwhile.
        let now = cx.clock.now();
        sources::sweep(cx, now).await?;
        let tx = cx.store.begin().await?;
        cx.store.work.again(&tx, &claim, now + EVERY).await?;
        tx.commit().await
    })
    .await;
}
