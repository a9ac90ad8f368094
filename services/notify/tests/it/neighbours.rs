//! The services that `notify` asks, played: `jobs` with its events, `accounts` with people's addresses.

use std::sync::{Arc, Mutex};

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use hearth_base::{Entropy, Role, UserId};
use hearth_testkit::{PlayedStream, Stand};
use hearth_wire::{
    accounts::internal::Recipient,
    events::Topic,
    jobs::events::RunEvent,
    reply::{Data, Listed, Messages},
};
use jiff::Timestamp;

/// What the neighbours know.
#[derive(Default)]
pub struct Neighbours {
    /// The events of `jobs`.
    pub stream: PlayedStream,
    pub people: Mutex<Vec<Recipient>>,
    /// `accounts` does not say who is a maintainer.
    pub accounts_away: Mutex<bool>,
    /// How often `accounts` was asked for maintainers.
    pub asked: Mutex<u32>,
}

/// Somebody with this name, at `example.org`.
pub fn person(name: &str) -> Recipient {
    Recipient {
        user: UserId::new(Timestamp::UNIX_EPOCH, &Entropy::System),
        name: name.parse().unwrap(),
        address: format!("{name}@example.org").parse().unwrap(),
    }
}

impl Neighbours {
    /// Plays them.
    pub fn play(stand: &Stand) -> Arc<Self> {
        let known = Arc::new(Self::default());
        let jobs = known.stream.router(RunEvent::TOPIC_INFO);
        let accounts = Router::new().route("/accounts/v1/internal/tools/{tool}/recipients", get(recipients));
        for (role, router) in [(Role::Jobs, jobs), (Role::Accounts, accounts)] {
            stand.play(role, hearth_kit::exchange(router.with_state(known.clone())));
        }
        known
    }
}

async fn recipients(
    State(known): State<Arc<Neighbours>>,
) -> Result<Json<Data<Listed<Recipient>>>, StatusCode> {
    *known.asked.lock().unwrap() += 1;
    if *known.accounts_away.lock().unwrap() {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    let items = known.people.lock().unwrap().clone();
    Ok(Json(Data { data: Listed { items, next: None }, messages: Messages::default() }))
}
