//! Time limit of builds, enforced here independently of the builder.

use hearth_base::{BuildId, Result};
use hearth_kit::{db::Tx, queue::TaskName};
use hearth_wire::builds::{BuildFailure, BuildFailureClass, BuildStatus, BuildStep};

use super::build_end;
use crate::{context::BuildsContext, store::Build};

/// Task that ends a build at its deadline.
pub const TIME_LIMIT_TASK: TaskName<BuildId> = TaskName::new("time-limit");

/// The same for a build of an outside builder. Release 0.1.0 would take its items for those of ended builds.
pub const OUTSIDE_TIME_LIMIT_TASK: TaskName<BuildId> = TaskName::new("outside-time-limit");

/// Sets the deadline of a starting build and enqueues its task, in the caller's transaction.
pub async fn set_deadline(cx: &BuildsContext, tx: &Tx, build: &mut Build) -> Result<()> {
    let minutes = i64::from(cx.settings.time_limit);
    let deadline = cx.now() + jiff::SignedDuration::from_mins(minutes);
    build.deadline = Some(deadline);
    let task = if build.outside_builder.is_some() { OUTSIDE_TIME_LIMIT_TASK } else { TIME_LIMIT_TASK };
    cx.store.queue.enqueue(tx, task, &build.id.to_string(), &build.id, deadline).await
}

/// Ends a build at its deadline, unless it has ended. The builder learns of it with its next heartbeat and
/// stops the runs.
pub async fn end_overdue_build(cx: &BuildsContext, tx: &Tx, id: BuildId) -> Result<()> {
    let Some(mut build) = cx.store.lock_build(tx, id).await?.filter(|build| !build.has_ended()) else {
        return Ok(());
    };
    // A build that returned from an outside builder gets a new deadline with its first lease.
    if build.deadline.is_none_or(|deadline| deadline > cx.now()) {
        return Ok(());
    }
    build.status = BuildStatus::BuildTimeout;
    build.message = format!(
        "The build exceeded its time limit of {} minutes at the step {}.",
        cx.settings.time_limit,
        step_name(build.step)
    );
    build.failure = Some(BuildFailure {
        class: BuildFailureClass::Timeout,
        line: None,
        next_step:
            "Make the build shorter: install fewer packages, or build parts of it before. An operator sets \
                    the limit (builds.time_limit)."
                .to_owned(),
    });
    build.step = BuildStep::Done;
    build.ended = Some(cx.now());
    build_end::store_ended_build(cx, tx, &mut build).await
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
