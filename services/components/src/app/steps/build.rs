//! Build: an image is made. Its log tells when something happens; its row tells what.

use std::time::Duration;

use hearth_base::{BuildId, Error, MandateId, Result, Role};
use hearth_client::Body;
use hearth_wire::{
    builds::{Build, BuildLogQuery, BuildStatus, BuildStep},
    components::{StepName, StepState},
};
use http_body_util::BodyExt;
use tokio::time::{Instant, sleep};

use super::{mandate, tell, unless_changed};
use crate::{cx::Cx, store::Deployment};

/// How long it is at least between two looks at a build.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a build may be silent until it is looked at.
const SILENCE: Duration = Duration::from_secs(10);

/// Waits until there is an image.
pub async fn take(cx: &Cx, deployment: &mut Deployment) -> Result<StepState> {
    let Some(build) = deployment.progress.build else { return Ok(StepState::Skipped) };
    let mandate = mandate(deployment)?;
    let mut log = None;
    loop {
        let found = show(cx, mandate, build).await?;
        match found.status {
            BuildStatus::BuildSuccess => {
                deployment.progress.image = found.destination_image;
                deployment.progress.resolved_ref = found.resolved_ref;
                super::say(deployment, StepName::Build, found.message);
                return Ok(StepState::Done);
            }
            BuildStatus::BuildPending | BuildStatus::BuildRunning => {
                tell(cx, deployment, StepName::Build, words(&found)).await?;
            }
            ended => return Err(failed(build, ended, &found.message)),
        }
        if log.is_none() {
            log = follow(cx, mandate, build).await;
        }
        unless_changed(cx, deployment, news(&mut log)).await?;
    }
}

async fn show(cx: &Cx, mandate: MandateId, build: BuildId) -> Result<Build> {
    let builds = cx.clients.acting(Role::Builds, mandate).await?;
    builds.client.builds().show(&builds.tool, build).await
}

/// The build's log, as long as it is written. Without it the build is looked at now and then.
async fn follow(cx: &Cx, mandate: MandateId, build: BuildId) -> Option<Body> {
    let builds = cx.clients.acting(Role::Builds, mandate).await.ok()?;
    let query = BuildLogQuery { follow: true };
    builds.client.builds().logs(&builds.tool, build, &query).await.ok().map(axum::http::Response::into_body)
}

/// Waits until the build writes something, or has ended, or is silent for long.
async fn news(log: &mut Option<Body>) {
    let began = Instant::now();
    let Some(body) = log else { return sleep(PAUSE).await };
    let written = async {
        loop {
            match body.frame().await {
                Some(Ok(_)) if began.elapsed() < PAUSE => {}
                Some(Ok(_)) => return true,
                Some(Err(_)) | None => return false,
            }
        }
    };
    if let Ok(false) = tokio::time::timeout(SILENCE, written).await {
        *log = None;
        // The row may be written a moment after the log has ended.
        sleep(Duration::from_millis(50)).await;
    }
}

fn words(build: &Build) -> String {
    if !build.message.is_empty() {
        return build.message.clone();
    }
    let words = match build.step {
        BuildStep::Waiting => "it waits for its turn",
        BuildStep::Fetch => "the source is fetched",
        BuildStep::Detect => "it is found out how to build it",
        BuildStep::Image => "the image is made",
        BuildStep::Push => "the image is stored",
        BuildStep::Done => "it is over",
    };
    words.to_owned()
}

fn failed(build: BuildId, status: BuildStatus, message: &str) -> Error {
    let what = match status {
        BuildStatus::BuildCancelled => "the build was cancelled".to_owned(),
        _ if !message.is_empty() => message.to_owned(),
        BuildStatus::BuildTimeout => "the build took longer than it may".to_owned(),
        _ => "the build ended without an image".to_owned(),
    };
    Error::conflict("build-failed", what).help(format!("hearth build logs {build}"))
}
