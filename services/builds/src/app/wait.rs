//! Waiting for the end of a build.

use std::time::Duration;

use hearth_base::{BuildId, Result, ToolId};

use hearth_kit::wake::WakeReason;

use crate::{
    context::BuildsContext,
    store::{Build, build_topic},
};

/// Returns a build as soon as it has ended, or its state after `timeout`.
pub async fn wait_for_end(cx: &BuildsContext, tool: ToolId, id: BuildId, timeout: Duration) -> Result<Build> {
    let mut listener = cx.store.listen_to_topics([build_topic(id)]);
    let deadline = tokio::time::Instant::now() + timeout;
    loop {
        let build = cx.store.find_build(tool, id).await?;
        if build.has_ended() || listener.wait(deadline, &cx.stop).await != WakeReason::Changed {
            return Ok(build);
        }
    }
}
