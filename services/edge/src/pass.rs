//! Passes a request on to one of a tool's instances, and its answer back, both as streams.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use axum::{
    extract::Request,
    http::{StatusCode, Uri, Version, request::Parts},
    response::Response,
};
use hearth_kit::relay;
use hearth_wire::jobs::internal::Route;
use hyper::upgrade::OnUpgrade;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::{
    Edge,
    about::About,
    body::{Lender, Lent},
    clean,
};

/// The most instances that one request is offered to.
const OFFERS: usize = 3;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// Nobody takes the request, or whoever took it broke off.
    NoAnswer,
    /// Somebody took it, and did not begin to answer.
    Slow,
}

/// Takes turns among instances.
static TURN: AtomicUsize = AtomicUsize::new(0);

/// Passes `request` on. Another instance is asked only when the first was sent nothing.
pub async fn pass(edge: &Edge, route: &Route, mut request: Request) -> Result<Response, Failed> {
    let protocol = relay::protocol(request.headers());
    let visitor = request.extensions_mut().remove::<OnUpgrade>();
    let about = About::of(edge, &request);
    clean::request(request.headers_mut());
    about.write(request.headers_mut());
    if let Some(protocol) = &protocol {
        relay::upgrade(request.headers_mut(), protocol.clone());
    }
    let (head, body) = request.into_parts();
    let lender = Lender::of(body);
    let turn = TURN.fetch_add(1, Ordering::Relaxed);
    for offer in 0..route.targets.len().min(OFFERS) {
        let Some(target) = route.targets.get((turn + offer) % route.targets.len()) else { break };
        let request = to(*target, &head, lender.lend()).ok_or(Failed::NoAnswer)?;
        match first_byte(edge, request, &lender).await? {
            Ok(response) => return answer(edge, response, protocol.is_some().then_some(visitor).flatten()),
            Err(cause) => {
                let again = cause.is_connect() && !lender.is_touched();
                tracing::debug!(tool = %route.name, %target, %cause, again, "an instance does not answer");
                if !again {
                    return Err(Failed::NoAnswer);
                }
            }
        }
    }
    Err(Failed::NoAnswer)
}

/// The request as it goes to `target`.
fn to(target: SocketAddr, head: &Parts, body: Lent) -> Option<Request<Lent>> {
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let path = if path.starts_with('/') { path } else { "/" };
    let uri =
        Uri::builder().scheme("http").authority(target.to_string()).path_and_query(path).build().ok()?;
    let mut request = Request::new(body);
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_11;
    *request.headers_mut() = head.headers.clone();
    Some(request)
}

type Sent = Result<Response, hyper_util::client::legacy::Error>;

/// Waits until the answer begins. As long as the visitor still sends, time does not count.
async fn first_byte(edge: &Edge, request: Request<Lent>, lender: &Lender) -> Result<Sent, Failed> {
    let mut sending = std::pin::pin!(edge.pool.send(request));
    loop {
        let until = lender.moved() + edge.patience;
        if let Ok(sent) = timeout_at(until, &mut sending).await {
            return Ok(sent);
        }
        if lender.moved() + edge.patience <= Instant::now() {
            return Err(Failed::Slow);
        }
        sleep_until(Instant::now() + Duration::from_millis(1)).await;
    }
}

/// The answer as the visitor gets it.
fn answer(edge: &Edge, mut response: Response, visitor: Option<OnUpgrade>) -> Result<Response, Failed> {
    *response.version_mut() = Version::HTTP_11;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        clean::response(response.headers_mut());
        return Ok(response);
    }
    // A change of protocol that nobody asked for would leave the connection in a state that nobody knows.
    let protocol = relay::protocol(response.headers());
    let tool = response.extensions_mut().remove::<OnUpgrade>();
    let (Some(visitor), Some(tool), Some(protocol)) = (visitor, tool, protocol) else {
        return Err(Failed::NoAnswer);
    };
    clean::response(response.headers_mut());
    relay::upgrade(response.headers_mut(), protocol);
    relay::bridge(&edge.kit.tasks, visitor, tool);
    Ok(response)
}
