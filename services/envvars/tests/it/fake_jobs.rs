//! Fake `jobs` service.

use std::sync::{Arc, Mutex};

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use hearth_base::{OpeningKeys, Role};
use hearth_testkit::ServiceStand;
use hearth_wire::{
    jobs::internal::{JobsWithEnvvars, SealingKeyOne},
    reply::{Messages, Named},
};

/// State of the fake `jobs`.
pub struct FakeJobs {
    /// Keys of the runtime; `None`: the runtime does not respond.
    pub keys: Option<OpeningKeys>,
    pub standing: JobsWithEnvvars,
}

pub type SharedFakeJobs = Arc<Mutex<FakeJobs>>;

/// Starts a fake `jobs` with one job, `web`, and a runtime.
pub fn start_fake_jobs(stand: &ServiceStand) -> SharedFakeJobs {
    let standing = JobsWithEnvvars { jobs: vec!["web".parse().unwrap()], outdated: Vec::new() };
    let played = Arc::new(Mutex::new(FakeJobs { keys: OpeningKeys::generate().ok(), standing }));
    let router = Router::new()
        .route("/jobs/v1/internal/sealing-key", get(sealing_key))
        .route("/jobs/v1/internal/tools/{tool}/envvars", get(standing_of));
    stand.set_fake_service(
        Role::Jobs,
        hearth_kit::build_local_service(router.with_state(Arc::clone(&played))),
    );
    played
}

fn build_named_reply<T>(content: T) -> Json<Named<T>> {
    Json(Named { content, messages: Messages::default() })
}

async fn sealing_key(State(played): State<SharedFakeJobs>) -> Result<Json<Named<SealingKeyOne>>, StatusCode> {
    let played = played.lock().unwrap();
    let keys = played.keys.as_ref().ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(build_named_reply(SealingKeyOne { sealing_key: keys.sealing_key().unwrap().to_text() }))
}

async fn standing_of(State(played): State<SharedFakeJobs>) -> Json<Named<JobsWithEnvvars>> {
    build_named_reply(played.lock().unwrap().standing.clone())
}
