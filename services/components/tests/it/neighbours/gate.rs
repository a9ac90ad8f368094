//! Every call to a neighbour passes here: it is noted, and may come to nothing.

use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::Response,
};
use hearth_client::headers;
use jiff::Timestamp;

use super::{Ears, refused};

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

/// The next so many calls like this end so.
pub struct Rule {
    pub call: String,
    pub times: usize,
    pub then: Then,
}

/// What was heard, and what becomes of it.
#[derive(Default)]
pub struct Heard {
    /// Every call, as in `PUT builds * cancel`, and when it came.
    pub asked: Vec<(String, Timestamp)>,
    pub rules: Vec<Rule>,
    /// After so many calls of a deployment's, its caller is no more.
    pub end: Option<(usize, Then)>,
}

impl Heard {
    fn hears(&mut self, call: &str, now: Timestamp) -> Option<Then> {
        self.asked.push((call.to_owned(), now));
        if !call.contains("accounts") || call.ends_with("use") || call.starts_with("DELETE") {
            match self.end.take() {
                Some((0, then)) => return Some(then),
                Some((left, then)) => self.end = Some((left - 1, then)),
                None => {}
            }
        }
        let rule = self.rules.iter_mut().find(|rule| rule.times > 0 && rule.call == call)?;
        rule.times -= 1;
        Some(rule.then)
    }
}

/// Every call passes here.
pub async fn gate(State(all): Ears, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let call = format!("{} {}", request.method(), in_short(path));
    if path.contains("/v1/tool/") && !is_shown(&request) {
        return refused(StatusCode::FORBIDDEN, "forbidden", "this is done for nobody");
    }
    let then = all.known().heard.hears(&call, all.now());
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
