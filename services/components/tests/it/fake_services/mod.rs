//! Fakes of the services that `components` calls. Their answers have the form of the real ones.

mod accounts;
mod builds;
mod gate;
mod images;
mod jobs;
mod restore;
mod runs;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
};
use hearth_base::{Clock, KeyRing, ManualClock, Role};
use hearth_testkit::ServiceStand;
use hearth_wire::reply::{Data, Messages, Named};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};

use gate::{CallLog, CallRule, intercept_call};

pub use builds::BuildMode;
pub use gate::{CallOutcome, UNAVAILABLE_CALL};
pub use jobs::JobBehavior;
pub use restore::RESTORE_WEB_CALL;

/// The state of the fake services and the calls that they received.
#[derive(Default)]
pub struct FakeState {
    pub accounts: accounts::FakeAccounts,
    pub builds: builds::FakeBuilds,
    pub images: images::FakeImages,
    pub jobs: jobs::FakeJobs,
    calls: CallLog,
}

/// The fake services.
pub struct FakeComponentPeers {
    state: Mutex<FakeState>,
    clock: Arc<ManualClock>,
    ring: Arc<KeyRing>,
    state_changed: Notify,
    /// Signals that a call outlived its caller or never reached the service.
    pub caller_gone: Notify,
}

type FakeServicesState = State<Arc<FakeComponentPeers>>;

impl FakeComponentPeers {
    /// Starts all fake services.
    pub fn start(stand: &ServiceStand) -> Arc<Self> {
        let (state_changed, caller_gone) = (Notify::new(), Notify::new());
        let (clock, ring) = (stand.clock.clone(), stand.kit.key_ring.clone());
        let all = Arc::new(Self { state: Mutex::default(), clock, ring, state_changed, caller_gone });
        for (role, router) in [
            (Role::Accounts, accounts::build_router()),
            (Role::Builds, builds::build_router()),
            (Role::Images, images::build_router()),
            (Role::Jobs, jobs::build_router()),
        ] {
            let router = router.layer(from_fn_with_state(all.clone(), intercept_call));
            stand.set_fake_service(role, hearth_kit::build_local_service(router.with_state(all.clone())));
        }
        all
    }

    /// Locks the state.
    pub fn lock_state(&self) -> MutexGuard<'_, FakeState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and wakes the calls that wait for a change.
    pub fn change_state<T>(&self, change: impl FnOnce(&mut FakeState) -> T) -> T {
        let done = change(&mut self.lock_state());
        self.state_changed.notify_waiters();
        done
    }

    /// Sets the outcome of the next `times` calls like `call`.
    pub fn script_next_calls(&self, times: usize, call: &str, outcome: CallOutcome) {
        self.lock_state().calls.rules.push(CallRule { call: call.to_owned(), times, outcome });
    }

    /// Sets the outcome of all further calls like `call`.
    pub fn script_all_calls(&self, call: &str, outcome: CallOutcome) {
        self.script_next_calls(usize::MAX, call, outcome);
    }

    /// Removes all outcomes that were set: calls are answered again.
    pub fn clear_script(&self) {
        self.change_state(|state| (state.calls.rules, state.calls.caller_end) = (Vec::new(), None));
    }

    /// The caller ends at the call after `calls` other calls.
    pub fn end_caller_after(&self, calls: usize, outcome: CallOutcome) {
        self.lock_state().calls.caller_end = Some((calls, outcome));
    }

    /// Lists the times of the calls like `call`.
    pub fn list_call_times(&self, call: &str) -> Vec<Timestamp> {
        self.lock_state()
            .calls
            .received
            .iter()
            .filter(|received| received.0 == call)
            .map(|received| received.1)
            .collect()
    }

    /// Counts the calls like `call`.
    pub fn count_calls(&self, call: &str) -> usize {
        self.list_call_times(call).len()
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Waits until `found` returns a value, at most `seconds`.
    async fn wait<T>(&self, seconds: u64, found: impl Fn(&FakeState) -> Option<T>) -> Option<T> {
        let end = Instant::now() + Duration::from_secs(seconds);
        loop {
            let changed = self.state_changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let found = found(&self.lock_state());
            let left = end.saturating_duration_since(Instant::now());
            if found.is_some() || left.is_zero() {
                return found;
            }
            let _changed_or_timeout = timeout(left, changed).await;
        }
    }
}

fn build_refusal(status: StatusCode, code: &str, message: &str) -> Response {
    let refusal = json!({"error": [message], "code": code});
    (status, Json(refusal)).into_response()
}

fn build_not_found(what: &str, name: &str) -> Response {
    build_refusal(StatusCode::NOT_FOUND, &format!("no-such-{what}"), &format!("there is no {what} {name}"))
}

fn reply_data<T: Serialize>(data: T) -> Response {
    Json(Data { data, messages: Messages::default() }).into_response()
}

fn reply_named<T: Serialize>(content: T) -> Response {
    Json(Named { content, messages: Messages::default() }).into_response()
}
