//! Fakes of the services that `notify` calls: `jobs`, `builds` and `components` with their events, `accounts` with people's
//! addresses.

use std::sync::{Arc, Mutex};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use hearth_base::{Entropy, Role, UserId};
use hearth_testkit::{FakeEventStream, ServiceStand};
use hearth_wire::{
    accounts::{
        RequestEvent,
        internal::{Recipient, TriggerOwner},
    },
    builds::events::BuildEvent,
    components::events::DeploymentEvent,
    events::Topic,
    jobs::events::RunEvent,
    reply::{Data, Listed, Messages},
};
use jiff::Timestamp;

/// The state of the fake services.
#[derive(Default)]
pub struct FakeNotifyPeers {
    /// The events of `jobs`.
    pub stream: FakeEventStream,
    /// The events of `accounts`.
    pub requests: FakeEventStream,
    /// The events of `builds`.
    pub builds: FakeEventStream,
    /// The events of `components`.
    pub deployments: FakeEventStream,
    pub recipients: Mutex<Vec<Recipient>>,
    /// True if `accounts` is unavailable.
    pub accounts_unavailable: Mutex<bool>,
    /// The number of calls to `accounts` for maintainers.
    pub recipients_calls: Mutex<u32>,
    /// True if the owners of webhooks may no longer change their tools.
    pub owners_lost: Mutex<bool>,
}

/// Builds a maintainer with this name and an address at `example.org`.
pub fn build_recipient(name: &str) -> Recipient {
    Recipient {
        user: UserId::new(Timestamp::UNIX_EPOCH, &Entropy::System),
        name: name.parse().unwrap(),
        address: format!("{name}@example.org").parse().unwrap(),
    }
}

impl FakeNotifyPeers {
    /// Starts the fake services.
    pub fn start(stand: &ServiceStand) -> Arc<Self> {
        let services = Arc::new(Self::default());
        let jobs = services.stream.build_router(RunEvent::TOPIC_INFO);
        let accounts = Router::new()
            .route("/accounts/v1/internal/tools/{tool}/recipients", get(list_recipients))
            .route("/accounts/v1/internal/owners", post(check_owner))
            .merge(services.requests.build_router(RequestEvent::TOPIC_INFO));
        let builds = services.builds.build_router(BuildEvent::TOPIC_INFO);
        let components = services.deployments.build_router(DeploymentEvent::TOPIC_INFO);
        for (role, router) in [
            (Role::Jobs, jobs),
            (Role::Accounts, accounts),
            (Role::Builds, builds),
            (Role::Components, components),
        ] {
            stand
                .set_fake_service(role, hearth_kit::build_local_service(router.with_state(services.clone())));
        }
        services
    }
}

async fn list_recipients(
    State(services): State<Arc<FakeNotifyPeers>>,
) -> Result<Json<Data<Listed<Recipient>>>, StatusCode> {
    *services.recipients_calls.lock().unwrap() += 1;
    if *services.accounts_unavailable.lock().unwrap() {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    let items = services.recipients.lock().unwrap().clone();
    Ok(Json(Data { data: Listed { items, next: None }, messages: Messages::default() }))
}

async fn check_owner(State(services): State<Arc<FakeNotifyPeers>>) -> Json<Data<TriggerOwner>> {
    let active = !*services.owners_lost.lock().unwrap();
    let data = TriggerOwner { name: "somebody".parse().ok(), active };
    Json(Data { data, messages: Messages::default() })
}
