//! Waiting for a build.

use std::time::Duration;

use hearth_base::{BuildId, Result, ToolId};

use hearth_kit::wake::WakeReason;

use crate::{
    cx::Cx,
    store::{Build, build_topic},
};

/// A build as soon as it is over, or as it is after `patience`.
pub async fn over(cx: &Cx, tool: ToolId, id: BuildId, patience: Duration) -> Result<Build> {
    let mut listener = cx.store.listen_to_topics([build_topic(id)]);
    let deadline = tokio::time::Instant::now() + patience;
    loop {
        let build = cx.store.build(tool, id).await?;
        if build.is_over() || listener.wait(deadline, &cx.stop).await != WakeReason::Changed {
            return Ok(build);
        }
    }
}
