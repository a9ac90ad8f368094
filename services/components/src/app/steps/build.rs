//! The step `build`: waits for the image. New lines of the build's log trigger a poll of the build.

use std::time::Duration;

use hearth_base::{BuildId, Error, MandateId, Result, Role};
use hearth_client::Body;
use hearth_wire::{
    builds::{Build, BuildLogQuery, BuildStatus, BuildStep},
    components::{StepName, StepState},
};
use http_body_util::BodyExt;
use tokio::time::{Instant, sleep};

use super::{require_mandate, run_unless_changed, save_step_message};
use crate::{context::ComponentsContext, store::Deployment};

/// The shortest pause between two polls of a build.
const MIN_POLL_INTERVAL: Duration = Duration::from_secs(1);
/// The longest pause between two polls of a build whose log has no new lines.
const MAX_POLL_INTERVAL: Duration = Duration::from_secs(10);

/// Waits until the build has ended, and stores its image.
pub async fn run_build_step(cx: &ComponentsContext, deployment: &mut Deployment) -> Result<StepState> {
    let Some(build) = deployment.progress.build else { return Ok(StepState::Skipped) };
    let mandate = require_mandate(deployment)?;
    let mut log = None;
    loop {
        let found = fetch_build(cx, mandate, build).await?;
        match found.status {
            BuildStatus::BuildSuccess => {
                deployment.progress.image = found.destination_image;
                deployment.progress.resolved_ref = found.resolved_ref;
                super::set_step_message(deployment, StepName::Build, found.message);
                return Ok(StepState::Done);
            }
            BuildStatus::BuildPending | BuildStatus::BuildRunning => {
                save_step_message(cx, deployment, StepName::Build, describe_build(&found)).await?;
            }
            ended => return Err(create_build_error(build, ended, &found.message)),
        }
        if log.is_none() {
            log = open_build_log(cx, mandate, build).await;
        }
        run_unless_changed(cx, deployment, wait_for_build_activity(&mut log)).await?;
    }
}

async fn fetch_build(cx: &ComponentsContext, mandate: MandateId, build: BuildId) -> Result<Build> {
    let builds = cx.clients.create_delegated_client(Role::Builds, mandate).await?;
    builds.client.builds().show(&builds.tool, build).await
}

/// Follows the build's log. Returns `None` if it cannot be opened: the build is then polled at an interval.
async fn open_build_log(cx: &ComponentsContext, mandate: MandateId, build: BuildId) -> Option<Body> {
    let builds = cx.clients.create_delegated_client(Role::Builds, mandate).await.ok()?;
    let query = BuildLogQuery { follow: true };
    builds
        .client
        .builds()
        .stream_logs(&builds.tool, build, &query)
        .await
        .ok()
        .map(axum::http::Response::into_body)
}

/// Waits for a new line in the build's log, its end, or [`MAX_POLL_INTERVAL`].
async fn wait_for_build_activity(log: &mut Option<Body>) {
    let began = Instant::now();
    let Some(body) = log else { return sleep(MIN_POLL_INTERVAL).await };
    let written = async {
        loop {
            match body.frame().await {
                Some(Ok(_)) if began.elapsed() < MIN_POLL_INTERVAL => {}
                Some(Ok(_)) => return true,
                Some(Err(_)) | None => return false,
            }
        }
    };
    if let Ok(false) = tokio::time::timeout(MAX_POLL_INTERVAL, written).await {
        *log = None;
        // `builds` may write the row of the build a moment after its log has ended.
        sleep(Duration::from_millis(50)).await;
    }
}

fn describe_build(build: &Build) -> String {
    if !build.message.is_empty() {
        return build.message.clone();
    }
    let description = match build.step {
        BuildStep::Waiting => "the build is queued",
        BuildStep::Fetch => "the source is being fetched",
        BuildStep::Detect => "the build plan is detected",
        BuildStep::Image => "the image is being built",
        BuildStep::Push => "the image is being stored",
        BuildStep::Done => "the build has ended",
    };
    description.to_owned()
}

fn create_build_error(build: BuildId, status: BuildStatus, message: &str) -> Error {
    let what = match status {
        BuildStatus::BuildCancelled => "the build was cancelled".to_owned(),
        _ if !message.is_empty() => message.to_owned(),
        BuildStatus::BuildTimeout => "the build exceeded its time limit".to_owned(),
        _ => "the build ended without an image".to_owned(),
    };
    Error::conflict("build-failed", what).help(format!("hearth build logs {build}"))
}
