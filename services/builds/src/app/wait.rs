//! Waiting for a build.

use std::time::Duration;

use hearth_base::{BuildId, Result, ToolId};

use crate::{cx::Cx, store::Build};

/// A build as soon as it is over, or as it is after `patience`.
pub async fn over(cx: &Cx, tool: ToolId, id: BuildId, patience: Duration) -> Result<Build> {
    let mut news = cx.news.listen();
    let until = tokio::time::Instant::now() + patience;
    loop {
        let build = cx.store.build(tool, id).await?;
        if build.is_over() || cx.stop.is_set() {
            return Ok(build);
        }
        let changed = async {
            // The sender lives as long as the service.
            let _ = news.changed().await;
        };
        if tokio::time::timeout_at(until, cx.stop.unless(changed)).await.is_err() {
            return Ok(build);
        }
    }
}
