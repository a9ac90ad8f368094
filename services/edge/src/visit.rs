//! One visit: finds the tool, passes the request on, and leaves one line in the log.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::Request,
    http::{Method, header},
    response::Response,
};
use hearth_wire::jobs::internal::RouteState;

use crate::{
    Edge, clean,
    map::Found,
    pages::{self, Page, Wants},
    pass::{self, Failed},
};

/// Answers a visitor of `tool`.
pub async fn visit(edge: Arc<Edge>, tool: &str, host: &str, request: Request) -> Response {
    let began = Instant::now();
    let (method, wants) = (request.method().clone(), Wants::of(&request));
    let response = match answer(&edge, tool, host, request).await {
        Ok(response) => response,
        Err(page) => pages::render(&page, wants),
    };
    // Neither who it was nor what they read: that is the tool's and its visitor's business.
    let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(tool, %method, status = response.status().as_u16(), ms, "visit");
    response
}

async fn answer(edge: &Edge, tool: &str, host: &str, request: Request) -> Result<Response, Page> {
    if request.method() == Method::CONNECT || clean::check(request.version(), request.headers()).is_err() {
        return Err(Page::ambiguous());
    }
    let route = match edge.map.find(tool) {
        Found::Route(route) => route,
        Found::Nothing => return Err(Page::nothing(host)),
        Found::Unknown => return Err(Page::starting(host)),
    };
    match (route.state, route.targets.is_empty()) {
        (RouteState::Ready, false) => {}
        (RouteState::Stopped, _) => return Err(Page::stopped(host)),
        (RouteState::Ready | RouteState::Starting, _) => return Err(Page::starting(host)),
    }
    let mut response = pass::pass(edge, &route, request).await.map_err(|failed| match failed {
        Failed::NoAnswer => Page::no_answer(host),
        Failed::Slow => Page::slow(host),
    })?;
    if !response.headers().contains_key(header::REFERRER_POLICY) {
        // Addresses may hold what is nobody else's business; a tool may say otherwise.
        let policy = header::HeaderValue::from_static("strict-origin-when-cross-origin");
        response.headers_mut().insert(header::REFERRER_POLICY, policy);
    }
    Ok(response)
}
