//! Handling of one visit: finds the route, forwards the request, and writes one log line.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::Request,
    http::{Method, StatusCode, header},
    response::Response,
};
use hearth_base::{EnvironmentName, ToolId};
use hearth_kit::{
    fair_pool::FairPermit,
    server::{ConnectionHandle, hold_until_body_end},
};
use hearth_wire::jobs::internal::{Route, RouteState};

use crate::{
    Edge,
    error_pages::{self, ErrorPage, PageFormat},
    forward::{self, ForwardError},
    header_filter,
    page_activity::OpenVisit,
    page_waker::TooManyHeld,
    route_map::{RouteLookup, page_key},
};

/// Handles a request to the page of a host name label, and logs it. Every error is rendered as an error page.
pub async fn serve_visit(edge: Arc<Edge>, label: &str, host: &str, request: Request) -> Response {
    let began = Instant::now();
    let (method, wants) = (request.method().clone(), PageFormat::from_request(&request));
    let found = edge.map.find_route(label);
    // A visit of an environment counts to its tool.
    let (tool, environment) = match &found {
        RouteLookup::Route(route) => (route.name.to_string(), route.environment.clone()),
        RouteLookup::NotFound | RouteLookup::NotLoaded => (label.to_owned(), None),
    };
    let response = match forward_visit(&edge, label, found, host, request).await {
        Ok(response) => response,
        Err(page) => error_pages::render_page(&page, wants),
    };
    // The log contains neither the visitor's address nor the path, to protect the privacy of visitors.
    let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let environment = environment.as_ref().map(EnvironmentName::as_str);
    tracing::info!(tool, environment, %method, status = response.status().as_u16(), ms, "visit");
    response
}

fn require_route(found: RouteLookup, host: &str) -> Result<Arc<Route>, ErrorPage> {
    match found {
        RouteLookup::Route(route) => Ok(route),
        RouteLookup::NotFound => Err(ErrorPage::not_found(host)),
        RouteLookup::NotLoaded => Err(ErrorPage::for_starting_tool(host)),
    }
}

/// Checks the request, wakes the page if it sleeps, and forwards the request to one of the instances of its route.
async fn forward_visit(
    edge: &Arc<Edge>,
    label: &str,
    found: RouteLookup,
    host: &str,
    request: Request,
) -> Result<Response, ErrorPage> {
    if request.method() == Method::CONNECT
        || header_filter::check_framing(request.version(), request.headers()).is_err()
    {
        return Err(ErrorPage::ambiguous_request());
    }
    let mut route = require_route(found, host)?;
    // A page that sleeps without visits stays awake from here to the end of the visit.
    let open_visit = route.sleep.map(|_| edge.visits_of_pages.open_visit(page_key(&route)));
    if edge.waker.is_held(&route) {
        edge.waker.wait_for_page(edge, &route).await.map_err(|TooManyHeld| ErrorPage::for_busy_tool(host))?;
        route = require_route(edge.map.find_route(label), host)?;
    }
    match (route.state, route.targets.is_empty()) {
        (RouteState::Ready, false) => {}
        // A page that could not be woken gets the page of a tool that does not start.
        (RouteState::Stopped, _) if route.sleep.is_some_and(|sleep| sleep.asleep) => {
            return Err(ErrorPage::for_starting_tool(host));
        }
        (RouteState::Stopped, _) => return Err(ErrorPage::for_stopped_tool(host)),
        (RouteState::Ready | RouteState::Starting, _) => return Err(ErrorPage::for_starting_tool(host)),
    }
    let permit = edge.visits.try_acquire(route.tool).ok_or_else(|| ErrorPage::for_busy_tool(host))?;
    let connection = request.extensions().get::<ConnectionHandle>().cloned();
    let response =
        forward::forward_request(edge, &route, host, request).await.map_err(|failed| match failed {
            ForwardError::NoResponse => ErrorPage::no_answer(host),
            ForwardError::Timeout => ErrorPage::timed_out(host),
            ForwardError::SlowBody => ErrorPage::slow_body(),
        })?;
    let mut response = hold_visit(edge, (permit, open_visit), connection, response);
    if !response.headers().contains_key(header::REFERRER_POLICY) {
        // URLs may contain private data; a tool may set another policy.
        let policy = header::HeaderValue::from_static("strict-origin-when-cross-origin");
        response.headers_mut().insert(header::REFERRER_POLICY, policy);
    }
    Ok(response)
}

/// Keeps a visit open until the response was sent, or until the connection closes after a protocol switch.
fn hold_visit(
    edge: &Edge,
    guard: (FairPermit<ToolId>, Option<OpenVisit>),
    connection: Option<ConnectionHandle>,
    response: Response,
) -> Response {
    match connection {
        Some(connection) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
            let stop = edge.kit.tasks.shutdown_signal();
            edge.kit.tasks.spawn("upgraded-visit", async move {
                stop.run_until_shutdown(connection.wait_until_closed()).await;
                drop(guard);
            });
            response
        }
        _ => response.map(|body| hold_until_body_end(body, guard)),
    }
}
