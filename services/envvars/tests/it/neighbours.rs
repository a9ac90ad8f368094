//! `jobs`, as this service asks it, played.

use std::sync::{Arc, Mutex};

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use hearth_base::{OpeningKeys, Role};
use hearth_testkit::Stand;
use hearth_wire::{
    jobs::internal::{JobsWithEnvvars, SealingKeyOne},
    reply::{Messages, Named},
};

/// What `jobs` answers.
pub struct Jobs {
    /// The runtime's keys; none: the runtime does not answer.
    pub keys: Option<OpeningKeys>,
    pub standing: JobsWithEnvvars,
}

pub type Played = Arc<Mutex<Jobs>>;

/// A tool with the one job `web`, and a runtime.
pub fn play(stand: &Stand) -> Played {
    let standing = JobsWithEnvvars { jobs: vec!["web".parse().unwrap()], outdated: Vec::new() };
    let played = Arc::new(Mutex::new(Jobs { keys: OpeningKeys::generate().ok(), standing }));
    let router = Router::new()
        .route("/jobs/v1/internal/sealing-key", get(sealing_key))
        .route("/jobs/v1/internal/tools/{tool}/envvars", get(standing_of));
    stand.play(Role::Jobs, hearth_kit::exchange(router.with_state(Arc::clone(&played))));
    played
}

fn named<T>(content: T) -> Json<Named<T>> {
    Json(Named { content, messages: Messages::default() })
}

async fn sealing_key(State(played): State<Played>) -> Result<Json<Named<SealingKeyOne>>, StatusCode> {
    let played = played.lock().unwrap();
    let keys = played.keys.as_ref().ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(named(SealingKeyOne { sealing_key: keys.sealing().unwrap().to_text() }))
}

async fn standing_of(State(played): State<Played>) -> Json<Named<JobsWithEnvvars>> {
    named(played.lock().unwrap().standing.clone())
}
