//! The services that `notify` asks, played: `jobs` with its feed, `accounts` with people's addresses.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use hearth_base::{Entropy, EventId, Role, UserId};
use hearth_kit::Query;
use hearth_testkit::Stand;
use hearth_wire::{
    accounts::internal::Recipient,
    feed::{After, Event, Events},
    jobs::internal::JobsEvent,
    reply::{Data, Listed, Messages, Named},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Notify;

/// What the neighbours know.
#[derive(Default)]
pub struct Neighbours {
    feed: Mutex<Vec<Event>>,
    /// Events up to this position are no longer kept.
    forgotten: Mutex<i64>,
    news: Notify,
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
        let jobs = Router::new().route("/jobs/v1/internal/runs-feed", get(feed));
        let accounts = Router::new().route("/accounts/v1/internal/tools/{tool}/recipients", get(recipients));
        for (role, router) in [(Role::Jobs, jobs), (Role::Accounts, accounts)] {
            stand.play(role, hearth_kit::exchange(router.with_state(known.clone())));
        }
        known
    }

    /// Something happens at `at`.
    pub fn happens(&self, at: Timestamp, event: &JobsEvent) {
        let mut said = serde_json::to_value(event).unwrap();
        let kind = said["kind"].as_str().unwrap().to_owned();
        self.tell(at, kind, said["data"].take());
    }

    /// The same of any kind.
    pub fn tell(&self, at: Timestamp, kind: String, data: Value) {
        let mut feed = self.feed.lock().unwrap();
        let position = feed.last().map_or(0, |last| last.position) + 1;
        feed.push(Event { position, id: EventId::new(at, &Entropy::System), at, kind, data });
        self.news.notify_waiters();
    }

    /// What happened so far is no longer kept, and neither are this many positions more.
    pub fn forget(&self, more: i64) {
        let mut feed = self.feed.lock().unwrap();
        let last = feed.last().map_or(0, |last| last.position) + more;
        *self.forgotten.lock().unwrap() = last;
        feed.clear();
        feed.push(Event {
            position: last,
            id: EventId::new(Timestamp::UNIX_EPOCH, &Entropy::System),
            at: Timestamp::UNIX_EPOCH,
            kind: "route-removed".to_owned(),
            data: Value::Null,
        });
    }

    fn after(&self, position: i64) -> Vec<Event> {
        let feed = self.feed.lock().unwrap();
        feed.iter().filter(|event| event.position > position).cloned().collect()
    }
}

type Refused = (StatusCode, Json<Value>);

async fn feed(
    State(known): State<Arc<Neighbours>>,
    Query(After { after, wait }): Query<After>,
) -> Result<Json<Named<Events>>, Refused> {
    if after.is_some_and(|after| after + 1 < *known.forgotten.lock().unwrap()) {
        let refusal = json!({"error": ["no longer kept"], "code": "feed-gap"});
        return Err((StatusCode::CONFLICT, Json(refusal)));
    }
    let after = after.unwrap_or(0);
    let news = known.news.notified();
    tokio::pin!(news);
    news.as_mut().enable();
    let mut events = known.after(after);
    if events.is_empty() {
        let _news_or_time = tokio::time::timeout(Duration::from_secs(wait.unwrap_or(0)), news).await;
        events = known.after(after);
    }
    let head = events.last().map_or(after, |last| last.position);
    Ok(Json(Named { content: Events { events, head }, messages: Messages::default() }))
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
