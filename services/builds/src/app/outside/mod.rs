//! Builds by outside builders. Such a build is announced by a signed webhook instead of leased; the builder reports by
//! the credential of its attempt, and ends it by its report. No builder of this Hearth claims it.
//!
//! | state | event | effect |
//! |---|---|---|
//! | pending | the worker begins the announcement | running, with its deadline and a credential |
//! | running, announced | the builder accepts it, or reports | the credential is not sent again |
//! | running, announced | refused, or not accepted after `MAX_ANNOUNCEMENTS` | fails, or returns to this Hearth's builders |
//! | running | end with `Made` or `Failed` | ends with that outcome |
//! | running | end with `Again`, `Stopped` | the next attempt is announced with a new credential |
//! | running | deadline, cancellation, removal of the builder | ends |
//! | ended, or another attempt | any report | refused; nothing changes |

pub mod announce;
pub mod registry;
pub mod report;
pub mod secrets;

use hearth_base::{BuildId, Result};
use hearth_kit::{db::Tx, queue::TaskName};
use hearth_wire::builds::{BuildFailure, BuildFailureClass, BuildStatus, BuildStep};

use super::build_end;
use crate::{
    context::BuildsContext,
    store::{Build, OutsideBuild, OutsideBuilder},
};

/// Task that announces a build to its outside builder.
pub const ANNOUNCE_TASK: TaskName<BuildId> = TaskName::new("announce");

/// Hands a new build to an outside builder, in the transaction that stores the build.
pub async fn hand_over_build(
    cx: &BuildsContext,
    tx: &Tx,
    build: &Build,
    builder: &OutsideBuilder,
    plan: Option<String>,
) -> Result<()> {
    let outside = OutsideBuild {
        build: build.id,
        builder: builder.id,
        plan,
        tries: 0,
        accepted: false,
        token: None,
        credential: None,
    };
    cx.store.save_outside_build(tx, &outside).await?;
    cx.store.queue.enqueue(tx, ANNOUNCE_TASK, &build.id.to_string(), &build.id, cx.now()).await
}

/// Ends a build because its outside builder did not build it, in the caller's transaction.
async fn fail_build(
    cx: &BuildsContext,
    tx: &Tx,
    mut build: Build,
    reason: &str,
    next_step: &str,
) -> Result<()> {
    let name = build.outside_builder.clone().unwrap_or_default();
    build.status = BuildStatus::BuildFailure;
    build.message = format!("The outside builder {name} did not build it: {reason}.");
    build.failure = Some(BuildFailure {
        class: BuildFailureClass::Network,
        line: Some(reason.to_owned()),
        next_step: next_step.to_owned(),
    });
    build.step = BuildStep::Done;
    build.ended = Some(cx.now());
    build_end::store_ended_build(cx, tx, &mut build).await
}
