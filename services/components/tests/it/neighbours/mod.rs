//! The services that `components` asks, played: small, and true to what the real ones say.

mod accounts;
mod builds;
mod images;
mod jobs;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use hearth_base::{Clock, KeyRing, ManualClock, Role};
use hearth_client::headers;
use hearth_testkit::Stand;
use hearth_wire::reply::{Data, Messages, Named};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};

pub use builds::Pace;
pub use jobs::Mood;

/// What a neighbour does with a call instead of answering it.
#[derive(Debug, Clone, Copy)]
pub enum Then {
    /// It refuses.
    Refuse(StatusCode, &'static str, &'static str),
    /// It does what it was asked, and the answer is lost.
    LoseAnswer,
    /// It does what it was asked, and nobody is there any more for the answer.
    OutliveCaller,
    /// It does nothing, for nobody is there any more who asks.
    MissCaller,
}

/// They do not answer.
pub const AWAY: Then = Then::Refuse(StatusCode::SERVICE_UNAVAILABLE, "away", "it does not answer");

struct Rule {
    call: String,
    times: usize,
    then: Then,
}

/// What the neighbours have, and what they were asked.
#[derive(Default)]
pub struct Known {
    pub accounts: accounts::Accounts,
    pub builds: builds::Builds,
    pub images: images::Images,
    pub jobs: jobs::Jobs,
    /// Every call, as in `PUT builds * cancel`, and when it came.
    asked: Vec<(String, Timestamp)>,
    rules: Vec<Rule>,
    /// After so many calls of a deployment's, its caller is no more.
    end: Option<(usize, Then)>,
}

impl Known {
    fn hears(&mut self, call: &str, now: Timestamp) -> Option<Then> {
        self.asked.push((call.to_owned(), now));
        if !call.contains("accounts") || call.ends_with("use") || call.starts_with("DELETE") {
            match self.end.take() {
                Some((0, then)) => return Some(then),
                Some((left, then)) => self.end = Some((left - 1, then)),
                None => {}
            }
        }
        let service = call.split(' ').nth(1);
        let is_meant = |rule: &&mut Rule| rule.call == call || Some(&*rule.call) == service;
        let rule = self.rules.iter_mut().filter(|rule| rule.times > 0).find(is_meant)?;
        rule.times -= 1;
        Some(rule.then)
    }
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

    /// The next `times` calls like `call`, or to that service, end so.
    pub fn next(&self, times: usize, call: &str, then: Then) {
        self.known().rules.push(Rule { call: call.to_owned(), times, then });
    }

    /// From now on calls like `call`, or to that service, end so.
    pub fn always(&self, call: &str, then: Then) {
        self.next(usize::MAX, call, then);
    }

    /// All is well again.
    pub fn are_well(&self) {
        self.change(|known| (known.rules, known.end) = (Vec::new(), None));
    }

    /// Who asks is no more at the call after `calls` others.
    pub fn end_caller_after(&self, calls: usize, then: Then) {
        self.known().end = Some((calls, then));
    }

    /// When they were asked this.
    pub fn asked(&self, call: &str) -> Vec<Timestamp> {
        self.known().asked.iter().filter(|asked| asked.0 == call).map(|asked| asked.1).collect()
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

/// Every call passes here.
async fn gate(State(all): Ears, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let call = format!("{} {}", request.method(), in_short(path));
    if path.contains("/v1/tool/") && !is_shown(&request) {
        return refused(StatusCode::FORBIDDEN, "forbidden", "this is done for nobody");
    }
    let then = all.known().hears(&call, all.now());
    match then {
        None => next.run(request).await,
        Some(Then::Refuse(status, code, said)) => refused(status, code, said),
        Some(Then::LoseAnswer) => {
            next.run(request).await;
            refused(StatusCode::SERVICE_UNAVAILABLE, "connection-lost", "it broke off the connection")
        }
        Some(then) => {
            if matches!(then, Then::OutliveCaller) {
                next.run(request).await;
            }
            all.ended.notify_one();
            std::future::pending().await
        }
    }
}

/// A path without what is always the same, and with `*` for ids.
fn in_short(path: &str) -> String {
    let mut words: Vec<&str> = path.split('/').filter(|word| !word.is_empty()).collect();
    words.retain(|word| !["v1", "internal", "tool", "hello"].contains(word));
    words.dedup();
    let is_id = |word: &str| word.contains(['_', '%']);
    let words: Vec<&str> = words.into_iter().map(|word| if is_id(word) { "*" } else { word }).collect();
    words.join(" ")
}

/// Whether a call shows a mandate for this service and tool.
fn is_shown(request: &Request) -> bool {
    let mut path = request.uri().path().split('/').skip(1);
    let (service, tool) = (path.next(), path.nth(2));
    let mandate = request.headers().get(headers::MANDATE).and_then(|mandate| mandate.to_str().ok());
    mandate.is_some_and(|mandate| mandate.split_once(' ') == service.zip(tool))
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
