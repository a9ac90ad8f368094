//! Cancellation of builds.

use hearth_base::{BuildId, Error, Result, ToolId};
use hearth_wire::builds::{BuildStatus, BuildStep};

use jiff::Timestamp;

use super::build_end;
use crate::{context::BuildsContext, store::Build};

/// Cancels a build. Its status changes at once; the builder learns of it with its next heartbeat and stops
/// the runs.
pub async fn cancel_build(cx: &BuildsContext, tool: ToolId, id: BuildId) -> Result<()> {
    let now = cx.now();
    cx.store.find_build(tool, id).await?;
    let tx = cx.store.begin().await?;
    let build = cx.store.lock_build(&tx, id).await?;
    let mut build = build.ok_or_else(|| Error::not_found("build", id).help("hearth build list"))?;
    if build.has_ended() {
        return Err(Error::conflict("build-not-running", format!("the build {id} has ended"))
            .help(format!("hearth build show {id}")));
    }
    mark_cancelled(&mut build, now);
    build_end::store_ended_build(cx, &tx, &mut build).await?;
    tx.commit().await
}

/// Marks a build as cancelled.
pub fn mark_cancelled(build: &mut Build, now: Timestamp) {
    build.status = BuildStatus::BuildCancelled;
    build.step = BuildStep::Done;
    build.message = "The build was cancelled.".to_owned();
    build.ended = Some(now);
}
