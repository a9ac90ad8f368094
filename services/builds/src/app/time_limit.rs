//! The time limit: held here, whatever the builder does.

use hearth_base::{BuildId, Result};
use hearth_kit::{db::Tx, queue::TaskName};
use hearth_wire::builds::{BuildStatus, BuildStep};

use crate::{cx::Cx, store::Build};

/// The task of ending a build whose time is over.
pub const TIME_LIMIT_TASK: TaskName<BuildId> = TaskName::new("time-limit");

/// Sets the end of a build that begins, as part of that.
pub async fn set(cx: &Cx, tx: &Tx, build: &mut Build) -> Result<()> {
    let minutes = i64::from(cx.settings.time_limit);
    let deadline = cx.now() + jiff::SignedDuration::from_mins(minutes);
    build.deadline = Some(deadline);
    cx.store.queue.enqueue(tx, TIME_LIMIT_TASK, &build.id.to_string(), &build.id, deadline).await
}

/// Ends a build whose time is over, unless it has ended by itself. The builder hears of it and stops what runs.
pub async fn end(cx: &Cx, tx: &Tx, id: BuildId) -> Result<()> {
    let Some(mut build) = cx.store.build_locked(tx, id).await?.filter(|build| !build.is_over()) else {
        return Ok(());
    };
    build.status = BuildStatus::BuildTimeout;
    build.message = format!(
        "It took longer than the {} minutes that a build may take, while at the step {}.",
        cx.settings.time_limit,
        step_name(build.step)
    );
    build.step = BuildStep::Done;
    build.ended = Some(cx.now());
    cx.store.build_save(tx, &build).await
}

fn step_name(step: BuildStep) -> &'static str {
    match step {
        BuildStep::Waiting => "waiting",
        BuildStep::Fetch => "fetch",
        BuildStep::Detect => "detect",
        BuildStep::Image => "image",
        BuildStep::Push => "push",
        BuildStep::Done => "done",
    }
}
