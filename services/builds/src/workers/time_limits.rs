//! Ends builds whose time is over.

use hearth_base::BuildId;
use hearth_kit::tasks::Stop;

use crate::{
    app::time_limit::{self, TIME_LIMIT},
    cx::Cx,
};

/// Runs until it is told to stop.
pub async fn run(cx: Cx, stop: Stop) {
    let cx = &cx;
    cx.store
        .work
        .each::<BuildId, _>(&*cx.clock, &stop, TIME_LIMIT, |claim| async move {
            let tx = cx.store.begin().await?;
            time_limit::end(cx, &tx, claim.content).await?;
            cx.store.work.finish(&tx, &claim).await?;
            tx.commit().await?;
            cx.news.tell();
            Ok(())
        })
        .await;
}
