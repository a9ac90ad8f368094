//! The step `build`: waits for the images. The end of a build and new lines of its log trigger a poll of the build.

use std::time::Duration;

use hearth_base::{BuildId, Error, JobName, MandateId, Result, Role};
use hearth_client::Body;
use hearth_wire::{
    builds::{Build, BuildLogQuery, BuildQuery, BuildStatus, BuildStep},
    components::StepState,
};
use http_body_util::BodyExt;
use tokio::time::{Instant, sleep};

use super::{super::running::RunningDeployment, BUILD_FAILED_CODE};
use crate::{context::ComponentsContext, store::ComponentRollout};

/// The shortest pause between two polls of a build.
const MIN_POLL_INTERVAL: Duration = Duration::from_secs(1);
/// The longest pause between two polls of a build whose log has no new lines.
const MAX_POLL_INTERVAL: Duration = Duration::from_secs(10);

/// Waits until all builds have ended, and stores their images.
pub async fn run_build_step(running: &RunningDeployment<'_>) -> Result<StepState> {
    let building: Vec<JobName> = running
        .read(|content| {
            let has_build = |(_, rollout): &(&JobName, &ComponentRollout)| rollout.progress.build.is_some();
            content.components.iter().filter(has_build).map(|(name, _)| name.clone()).collect()
        })
        .await;
    running.run_side_by_side(&building, |name| async move { wait_for_image(running, &name).await }).await?;
    Ok(if building.is_empty() { StepState::Skipped } else { StepState::Done })
}

/// Waits until the build of a component has ended, and stores its image.
async fn wait_for_image(running: &RunningDeployment<'_>, name: &JobName) -> Result<()> {
    let Some(build) = running.find_component(name).await?.progress.build else { return Ok(()) };
    let (cx, mandate) = (running.cx, running.mandate);
    let mut log = None;
    loop {
        let found = fetch_build(cx, mandate, build).await?;
        match found.status {
            BuildStatus::BuildSuccess => {
                running
                    .change_component(name, |component| {
                        component.progress.image = found.destination_image;
                        component.progress.resolved_ref = found.resolved_ref;
                    })
                    .await;
                running.set_message(name, found.message).await;
                return Ok(());
            }
            BuildStatus::BuildPending | BuildStatus::BuildRunning => {
                running.save_message(name, describe_build(&found)).await?;
            }
            _ => return Err(create_build_error(build, &found)),
        }
        if log.is_none() {
            log = open_build_log(cx, mandate, build).await;
        }
        let changed = async {
            tokio::select! {
                () = wait_for_build_end(cx, mandate, build) => {}
                () = wait_for_log_lines(&mut log) => {}
            }
        };
        running.wait_unless_interrupted(changed).await?;
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

/// Waits for the end of the build, at most [`MAX_POLL_INTERVAL`].
async fn wait_for_build_end(cx: &ComponentsContext, mandate: MandateId, build: BuildId) {
    let query = BuildQuery { wait: Some(MAX_POLL_INTERVAL.as_secs()) };
    let began = Instant::now();
    let waited = async {
        let builds = cx.clients.create_delegated_client(Role::Builds, mandate).await?;
        builds.client.builds().wait(&builds.tool, build, &query).await
    };
    // The next poll reports an error.
    let has_ended = waited
        .await
        .is_ok_and(|build| !matches!(build.status, BuildStatus::BuildPending | BuildStatus::BuildRunning));
    if !has_ended {
        sleep(MIN_POLL_INTERVAL.saturating_sub(began.elapsed())).await;
    }
}

/// Waits for a new line in the build's log, at least [`MIN_POLL_INTERVAL`]; without a log, [`MAX_POLL_INTERVAL`].
async fn wait_for_log_lines(log: &mut Option<Body>) {
    let began = Instant::now();
    let Some(body) = log else { return sleep(MAX_POLL_INTERVAL).await };
    loop {
        match body.frame().await {
            Some(Ok(_)) if began.elapsed() < MIN_POLL_INTERVAL => {}
            Some(Ok(_)) => return,
            // `builds` writes the row of the build a moment after its log has ended.
            Some(Err(_)) | None => {
                *log = None;
                return sleep(MIN_POLL_INTERVAL).await;
            }
        }
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

fn create_build_error(build: BuildId, found: &Build) -> Error {
    let what = match found.status {
        BuildStatus::BuildCancelled => "the build was cancelled".to_owned(),
        _ if !found.message.is_empty() => found.message.clone(),
        BuildStatus::BuildTimeout => "the build exceeded its time limit".to_owned(),
        _ => "the build ended without an image".to_owned(),
    };
    let line = found.failure.as_ref().and_then(|failure| failure.line.clone());
    let line = line.filter(|line| !what.contains(line.as_str()));
    let next_step = found.failure.as_ref().map(|failure| failure.next_step.clone());
    let error = Error::conflict(BUILD_FAILED_CODE, what);
    let error = line.into_iter().chain(next_step).fold(error, Error::and_message);
    error.help(format!("hearth build logs {build}"))
}
