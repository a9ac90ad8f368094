//! Gives up images of builds that were forgotten.

use hearth_base::BuildId;
use hearth_kit::tasks::Stop;

use crate::{
    app::clean::{self, UNPIN},
    cx::Cx,
};

/// Runs until it is told to stop.
pub async fn run(cx: Cx, stop: Stop) {
    let cx = &cx;
    cx.store
        .work
        .each::<BuildId, _>(&*cx.clock, &stop, UNPIN, |claim| async move {
            clean::unpin(cx, claim.content).await?;
            let tx = cx.store.begin().await?;
            cx.store.work.finish(&tx, &claim).await?;
            tx.commit().await
        })
        .await;
}
