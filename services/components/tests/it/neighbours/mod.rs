//! The services that `components` asks, played: small, and true to what the real ones say.

mod accounts;
mod builds;
mod gate;
mod images;
mod jobs;

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
use hearth_testkit::Stand;
use hearth_wire::reply::{Data, Messages, Named};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};

use gate::{Heard, Rule, gate};

pub use builds::Pace;
pub use gate::{AWAY, Then};
pub use jobs::Mood;

/// What the neighbours have, and what they have heard.
#[derive(Default)]
pub struct Known {
    pub accounts: accounts::Accounts,
    pub builds: builds::Builds,
    pub images: images::Images,
    pub jobs: jobs::Jobs,
    heard: Heard,
}

/// The neighbours.
pub struct Neighbours {
    known: Mutex<Known>,
    clock: Arc<ManualClock>,
    ring: Arc<KeyRing>,
    news: Notify,
    /// Somebody who asked is no more.
    pub ended: Notify,
}

type Ears = State<Arc<Neighbours>>;

impl Neighbours {
    /// Plays all of them.
    pub fn play(stand: &Stand) -> Arc<Self> {
        let (news, ended) = (Notify::new(), Notify::new());
        let (clock, ring) = (stand.clock.clone(), stand.kit.ring.clone());
        let all = Arc::new(Self { known: Mutex::default(), clock, ring, news, ended });
        for (role, router) in [
            (Role::Accounts, accounts::router()),
            (Role::Builds, builds::router()),
            (Role::Images, images::router()),
            (Role::Jobs, jobs::router()),
        ] {
            let router = router.layer(from_fn_with_state(all.clone(), gate));
            stand.play(role, hearth_kit::exchange(router.with_state(all.clone())));
        }
        all
    }

    /// What they have.
    pub fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what they have, and wakes whoever waits for that.
    pub fn change<T>(&self, change: impl FnOnce(&mut Known) -> T) -> T {
        let done = change(&mut self.known());
        self.news.notify_waiters();
        done
    }

    /// The next `times` calls like `call` end so.
    pub fn next(&self, times: usize, call: &str, then: Then) {
        self.known().heard.rules.push(Rule { call: call.to_owned(), times, then });
    }

    /// From now on calls like `call` end so.
    pub fn always(&self, call: &str, then: Then) {
        self.next(usize::MAX, call, then);
    }

    /// All is well again.
    pub fn are_well(&self) {
        self.change(|known| (known.heard.rules, known.heard.end) = (Vec::new(), None));
    }

    /// Who asks is no more at the call after `calls` others.
    pub fn end_caller_after(&self, calls: usize, then: Then) {
        self.known().heard.end = Some((calls, then));
    }

    /// When they were asked this.
    pub fn asked(&self, call: &str) -> Vec<Timestamp> {
        self.known().heard.asked.iter().filter(|asked| asked.0 == call).map(|asked| asked.1).collect()
    }

    /// How often they were asked this.
    pub fn times(&self, call: &str) -> usize {
        self.asked(call).len()
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Waits until `found` finds something, at most so many seconds.
    async fn wait<T>(&self, seconds: u64, found: impl Fn(&Known) -> Option<T>) -> Option<T> {
        let end = Instant::now() + Duration::from_secs(seconds);
        loop {
            let news = self.news.notified();
            tokio::pin!(news);
            news.as_mut().enable();
            let found = found(&self.known());
            let left = end.saturating_duration_since(Instant::now());
            if found.is_some() || left.is_zero() {
                return found;
            }
            let _news_or_time = timeout(left, news).await;
        }
    }
}

fn refused(status: StatusCode, code: &str, said: &str) -> Response {
    let refusal = json!({"error": [said], "code": code});
    (status, Json(refusal)).into_response()
}

fn missing(what: &str, name: &str) -> Response {
    refused(StatusCode::NOT_FOUND, &format!("no-such-{what}"), &format!("there is no {what} {name}"))
}

fn data<T: Serialize>(data: T) -> Response {
    Json(Data { data, messages: Messages::default() }).into_response()
}

fn named<T: Serialize>(content: T) -> Response {
    Json(Named { content, messages: Messages::default() }).into_response()
}
