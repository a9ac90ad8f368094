//! Cancelling.

use hearth_base::{BuildId, Error, Result, ToolId};
use hearth_wire::builds::{BuildStatus, BuildStep};

use jiff::Timestamp;

use crate::{cx::Cx, store::Build};

/// Cancels a build. It is over at once; the builder hears of it and stops what runs.
pub async fn cancel(cx: &Cx, tool: ToolId, id: BuildId) -> Result<()> {
    let now = cx.now();
    cx.store.build(tool, id).await?;
    let tx = cx.store.begin().await?;
    let build = cx.store.build_locked(&tx, id).await?;
    let mut build = build.ok_or_else(|| Error::not_found("build", id))?;
    if build.is_over() {
        return Err(Error::conflict("build-not-running", format!("the build {id} is over already")));
    }
    end(&mut build, now);
    cx.store.build_save(&tx, &build).await?;
    tx.commit().await
}

/// Writes into a build that it was cancelled.
pub fn end(build: &mut Build, now: Timestamp) {
    build.status = BuildStatus::BuildCancelled;
    build.step = BuildStep::Done;
    build.message = "It was cancelled.".to_owned();
    build.ended = Some(now);
}
