//! Collects, once an hour, what nothing relies on any more.

use std::time::Duration;

use hearth_base::Result;
use hearth_kit::tasks::Stop;
use jiff::SignedDuration;
use serde_json::Value;

use crate::{app::collect, cx::Cx};

const KIND: &str = "collect";
const EVERY: SignedDuration = SignedDuration::from_hours(1);

/// Runs until it is told to stop. However many processes there are, each turn is one's alone.
pub async fn run(cx: Cx, stop: Stop) {
    let mut asked = false;
    while !stop.is_set() {
        if let Err(error) = turn(&cx, &mut asked, &stop).await {
            tracing::warn!(%error, cause = error.cause().map(ToString::to_string), "collecting waits");
            stop.pause(Duration::from_secs(10)).await;
        }
    }
}

async fn turn(cx: &Cx, asked: &mut bool, stop: &Stop) -> Result<()> {
    if !*asked {
        let tx = cx.store.begin().await?;
        cx.store.work.ask(&tx, KIND, "hourly", &Value::Null, cx.clock.now()).await?;
        tx.commit().await?;
        *asked = true;
    }
    for claim in cx.store.work.claim::<Value>(KIND, 1, cx.clock.now()).await? {
        // A turn that outlives its lease is done twice, which changes nothing.
        let now = cx.clock.now();
        collect::run(cx).await?;
        let tx = cx.store.begin().await?;
        cx.store.work.again(&tx, &claim, now + EVERY).await?;
        tx.commit().await?;
    }
    let most = Duration::from_secs(3600);
    stop.unless(cx.store.work.wait(KIND, cx.clock.now(), most)).await.unwrap_or(Ok(()))
}
