//! `builds`: each build makes an image of its own.

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use hearth_base::{BuildId, Entropy};
use hearth_wire::builds::{
    Build, BuildChanged, BuildCreate, BuildList, BuildNew, BuildOne, BuildParameters, BuildStarted,
    BuildStatus, BuildStep,
};

use super::{Ears, Known, Neighbours, images, missing, named, refused};

/// Builds, the newest first.
#[derive(Default)]
pub struct Builds {
    pub all: Vec<Build>,
    pub pace: Pace,
}

/// How fast builds are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pace {
    /// At once.
    #[default]
    Fast,
    /// When the test says so.
    Slow,
}

impl Builds {
    /// The newest build ends.
    pub fn end(&mut self, status: BuildStatus, message: &str) {
        let number = self.all.len();
        let Some(build) = self.all.first_mut() else { return };
        (build.status, build.step, build.message) = (status, BuildStep::Done, message.to_owned());
        if status == BuildStatus::BuildSuccess {
            build.destination_image = images::built(number);
        }
    }

    /// The newest build is forgotten.
    pub fn forget(&mut self) {
        self.all.remove(0);
    }

    fn find(&self, id: &str) -> Option<&Build> {
        self.all.iter().find(|build| build.build_id.to_string() == id)
    }
}

fn is_over(build: &Build) -> bool {
    !matches!(build.status, BuildStatus::BuildPending | BuildStatus::BuildRunning)
}

pub fn router() -> Router<std::sync::Arc<Neighbours>> {
    Router::new()
        .route("/builds/v1/tool/{tool}/builds", post(start).get(list))
        .route("/builds/v1/tool/{tool}/builds/{build}", get(show))
        .route("/builds/v1/tool/{tool}/builds/{build}/logs", get(logs))
        .route("/builds/v1/tool/{tool}/builds/{build}/cancel", put(cancel))
}

async fn start(State(all): Ears, Json(create): Json<BuildCreate>) -> Response {
    let source_url = create.source_url.unwrap_or_default();
    if source_url.contains("nosuch") {
        return refused(StatusCode::BAD_REQUEST, "no-repository", "there is no public repository there");
    }
    let parameters = BuildParameters {
        source_url,
        reference: create.reference.unwrap_or_default(),
        upload: create.upload,
        ..BuildParameters::default()
    };
    let build = Build {
        build_id: BuildId::new(all.now(), &Entropy::System),
        status: BuildStatus::BuildPending,
        message: String::new(),
        start_time: String::new(),
        end_time: String::new(),
        parameters: parameters.clone(),
        destination_image: String::new(),
        resolved_ref: "8a1f0c3d5e7b9a1f0c3d5e7b9a1f0c3d5e7b9a1f".to_owned(),
        step: BuildStep::Waiting,
        processes: [("web".to_owned(), "./serve".to_owned())].into(),
        // To the second, as `builds` says it.
        created: format!("{:.0}", all.now()),
    };
    let new_build = BuildNew { name: build.build_id, resolved_ref: build.resolved_ref.clone(), parameters };
    all.change(|Known { builds, .. }| {
        builds.all.insert(0, build);
        if builds.pace == Pace::Fast {
            builds.end(BuildStatus::BuildSuccess, "Its process is web.");
        }
    });
    named(BuildStarted { new_build })
}

async fn list(State(all): Ears) -> Response {
    named(BuildList { builds: all.known().builds.all.clone(), next: None })
}

async fn show(State(all): Ears, Path((_, build)): Path<(String, String)>) -> Response {
    let found = all.known().builds.find(&build).cloned();
    found.map_or_else(|| missing("build", &build), |build| named(BuildOne { build }))
}

/// One line at the start, and the end when the build is over.
async fn logs(State(all): Ears, Path((_, build)): Path<(String, String)>) -> Response {
    if all.known().builds.find(&build).is_none() {
        return missing("build", &build);
    }
    let end = async move {
        let over = |known: &Known| known.builds.find(&build).is_none_or(is_over).then_some(());
        all.wait(60, over).await;
        Ok::<_, std::convert::Infallible>(Bytes::from_static(b"{\"line\": \"done\"}\n"))
    };
    Body::from_stream(futures::stream::once(end)).into_response()
}

async fn cancel(State(all): Ears, Path((_, build)): Path<(String, String)>) -> Response {
    let cancelled = all.change(|known| {
        let found = known.builds.all.iter_mut().find(|found| found.build_id.to_string() == build)?;
        let over = is_over(found);
        if !over {
            (found.status, found.step) = (BuildStatus::BuildCancelled, BuildStep::Done);
        }
        Some((found.build_id, over))
    });
    match cancelled {
        None => missing("build", &build),
        Some((_, true)) => refused(StatusCode::CONFLICT, "build-not-running", "the build is over already"),
        Some((id, false)) => named(BuildChanged { id }),
    }
}
