//! The middleware before all fake services: it records calls, and may refuse them or lose their answers.

use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::Response,
};
use hearth_client::headers;
use jiff::Timestamp;

use super::{FakeServicesState, build_refusal};

/// The outcome of a call that is not answered normally.
#[derive(Debug, Clone, Copy)]
pub enum CallOutcome {
    /// The service refuses it with a status, a code and a message.
    Refuse(StatusCode, &'static str, &'static str),
    /// The service executes it, and the answer is lost.
    LoseAnswer,
    /// The service executes it, and the caller ends before the answer.
    CallerGoneAfterCall,
    /// The caller ends before the service executes it.
    CallerGoneBeforeCall,
}

/// The service is unavailable.
pub const UNAVAILABLE_CALL: CallOutcome =
    CallOutcome::Refuse(StatusCode::SERVICE_UNAVAILABLE, "away", "it does not answer");

/// The outcome of the next `times` calls like `call`.
pub struct CallRule {
    pub call: String,
    pub times: usize,
    pub outcome: CallOutcome,
}

/// The received calls and the rules of their outcomes.
#[derive(Default)]
pub struct CallLog {
    /// Every call, such as `PUT builds * cancel`, with its time.
    pub received: Vec<(String, Timestamp)>,
    pub rules: Vec<CallRule>,
    /// The number of further calls of a deployment before its caller ends, and the outcome of the last one.
    pub caller_end: Option<(usize, CallOutcome)>,
}

impl CallLog {
    fn record_call(&mut self, call: &str, now: Timestamp) -> Option<CallOutcome> {
        self.received.push((call.to_owned(), now));
        if !call.contains("accounts") || call.ends_with("use") || call.starts_with("DELETE") {
            match self.caller_end.take() {
                Some((0, outcome)) => return Some(outcome),
                Some((left, outcome)) => self.caller_end = Some((left - 1, outcome)),
                None => {}
            }
        }
        let rule = self.rules.iter_mut().find(|rule| rule.times > 0 && rule.call == call)?;
        rule.times -= 1;
        Some(rule.outcome)
    }
}

/// Records a call and applies the first rule that matches it.
pub async fn intercept_call(State(all): FakeServicesState, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let call = format!("{} {}", request.method(), shorten_path(path));
    if path.contains("/v1/tool/") && !has_mandate(&request) {
        return build_refusal(StatusCode::FORBIDDEN, "forbidden", "no valid mandate");
    }
    let outcome = all.lock_state().calls.record_call(&call, all.now());
    match outcome {
        None => next.run(request).await,
        Some(CallOutcome::Refuse(status, code, message)) => build_refusal(status, code, message),
        Some(CallOutcome::LoseAnswer) => {
            next.run(request).await;
            build_refusal(StatusCode::SERVICE_UNAVAILABLE, "connection-lost", "it broke off the connection")
        }
        Some(outcome) => {
            if matches!(outcome, CallOutcome::CallerGoneAfterCall) {
                next.run(request).await;
            }
            all.caller_gone.notify_one();
            std::future::pending().await
        }
    }
}

/// Shortens a path: removes its constant parts and replaces ids with `*`.
fn shorten_path(path: &str) -> String {
    let mut words: Vec<&str> = path.split('/').filter(|word| !word.is_empty()).collect();
    words.retain(|word| !["v1", "internal", "tool", "hello"].contains(word));
    words.dedup();
    let is_id = |word: &str| word.contains(['_', '%']);
    let words: Vec<&str> = words.into_iter().map(|word| if is_id(word) { "*" } else { word }).collect();
    words.join(" ")
}

/// True if a call has a mandate for the service and tool of its path.
fn has_mandate(request: &Request) -> bool {
    let mut path = request.uri().path().split('/').skip(1);
    let (service, tool) = (path.next(), path.nth(2));
    let mandate = request.headers().get(headers::MANDATE_HEADER).and_then(|mandate| mandate.to_str().ok());
    mandate.is_some_and(|mandate| mandate.split_once(' ') == service.zip(tool))
}
