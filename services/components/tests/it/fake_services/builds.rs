//! A fake of `builds`: each build makes its own image.

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use hearth_base::{BuildId, Entropy};
use hearth_kit::Query;
use hearth_wire::builds::{
    Build, BuildChanged, BuildCreate, BuildList, BuildNew, BuildOne, BuildParameters, BuildQuery,
    BuildStarted, BuildStatus, BuildStep,
};

use super::{
    FakeComponentPeers, FakeServicesState, FakeState, build_not_found, build_refusal, images, reply_named,
};

/// Builds, the newest first.
#[derive(Default)]
pub struct FakeBuilds {
    pub all: Vec<Build>,
    pub mode: BuildMode,
    /// True if it ignores that a build is of a preview, as release 0.1.0 does.
    pub ignores_previews: bool,
}

/// The end of new builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BuildMode {
    /// A build succeeds at once.
    #[default]
    Immediate,
    /// A build ends when the test ends it.
    Manual,
}

impl FakeBuilds {
    /// Ends the newest build.
    pub fn end_newest(&mut self, status: BuildStatus, message: &str) {
        let number = self.all.len();
        let Some(build) = self.all.first_mut() else { return };
        (build.status, build.step, build.message) = (status, BuildStep::Done, message.to_owned());
        if status == BuildStatus::BuildSuccess {
            build.destination_image = images::format_built_image(number);
        }
    }

    /// Removes the newest build.
    pub fn remove_newest(&mut self) {
        self.all.remove(0);
    }

    fn find_build(&self, id: &str) -> Option<&Build> {
        self.all.iter().find(|build| build.build_id.to_string() == id)
    }
}

fn has_ended(build: &Build) -> bool {
    !matches!(build.status, BuildStatus::BuildPending | BuildStatus::BuildRunning)
}

pub fn build_router() -> Router<std::sync::Arc<FakeComponentPeers>> {
    Router::new()
        .route("/builds/v1/tool/{tool}/builds", post(start).get(list))
        .route("/builds/v1/tool/{tool}/builds/{build}", get(show))
        .route("/builds/v1/tool/{tool}/builds/{build}/logs", get(stream_logs))
        .route("/builds/v1/tool/{tool}/builds/{build}/cancel", put(cancel))
}

async fn start(State(all): FakeServicesState, Json(create): Json<BuildCreate>) -> Response {
    let source_url = create.source_url.unwrap_or_default();
    if source_url.contains("nosuch") {
        return build_refusal(
            StatusCode::BAD_REQUEST,
            "no-repository",
            "there is no public repository there",
        );
    }
    let parameters = BuildParameters {
        source_url,
        reference: create.reference.unwrap_or_default(),
        upload: create.upload,
        folder: create.folder,
        recipe: create.recipe,
        process: create.process,
        preview: create.preview.filter(|_| !all.lock_state().builds.ignores_previews),
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
        // In whole seconds, as `builds` reports it.
        created: format!("{:.0}", all.now()),
        queue: None,
        failure: None,
        reused_build: None,
        sbom: None,
        reproduction: None,
        outside_builder: None,
    };
    let new_build = BuildNew { name: build.build_id, resolved_ref: build.resolved_ref.clone(), parameters };
    all.change_state(|FakeState { builds, .. }| {
        builds.all.insert(0, build);
        if builds.mode == BuildMode::Immediate {
            builds.end_newest(BuildStatus::BuildSuccess, "Its process is web.");
        }
    });
    reply_named(BuildStarted { new_build })
}

async fn list(State(all): FakeServicesState) -> Response {
    reply_named(BuildList { builds: all.lock_state().builds.all.clone(), next: None })
}

/// Shows a build; waits for its end first, if the query says so.
async fn show(
    State(all): FakeServicesState,
    Path((_, build)): Path<(String, String)>,
    Query(query): Query<BuildQuery>,
) -> Response {
    let over = |state: &FakeState| state.builds.find_build(&build).is_none_or(has_ended).then_some(());
    all.wait(query.wait.unwrap_or(0), over).await;
    let found = all.lock_state().builds.find_build(&build).cloned();
    found.map_or_else(|| build_not_found("build", &build), |build| reply_named(BuildOne { build }))
}

/// Sends one line, after the build has ended.
async fn stream_logs(State(all): FakeServicesState, Path((_, build)): Path<(String, String)>) -> Response {
    if all.lock_state().builds.find_build(&build).is_none() {
        return build_not_found("build", &build);
    }
    let end = async move {
        let over = |state: &FakeState| state.builds.find_build(&build).is_none_or(has_ended).then_some(());
        all.wait(60, over).await;
        Ok::<_, std::convert::Infallible>(Bytes::from_static(b"{\"line\": \"done\"}\n"))
    };
    Body::from_stream(futures::stream::once(end)).into_response()
}

async fn cancel(State(all): FakeServicesState, Path((_, build)): Path<(String, String)>) -> Response {
    let cancelled = all.change_state(|state| {
        let found = state.builds.all.iter_mut().find(|found| found.build_id.to_string() == build)?;
        let over = has_ended(found);
        if !over {
            (found.status, found.step) = (BuildStatus::BuildCancelled, BuildStep::Done);
        }
        Some((found.build_id, over))
    });
    match cancelled {
        None => build_not_found("build", &build),
        Some((_, true)) => build_refusal(StatusCode::CONFLICT, "build-not-running", "the build has ended"),
        Some((id, false)) => reply_named(BuildChanged { id }),
    }
}
