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
use hearth_wire::jobs::internal::RouteState;

use crate::{
    Edge,
    error_pages::{self, ErrorPage, PageFormat},
    forward::{self, ForwardError},
    header_filter,
    route_map::RouteLookup,
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
    let response = match forward_visit(&edge, found, host, request).await {
        Ok(response) => response,
        Err(page) => error_pages::render_page(&page, wants),
    };
    // The log contains neither the visitor's address nor the path, to protect the privacy of visitors.
    let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let environment = environment.as_ref().map(EnvironmentName::as_str);
    tracing::info!(tool, environment, %method, status = response.status().as_u16(), ms, "visit");
    response
}

/// Checks the request, and forwards it to one of the instances of the found route.
async fn forward_visit(
    edge: &Edge,
    found: RouteLookup,
    host: &str,
    request: Request,
) -> Result<Response, ErrorPage> {
    if request.method() == Method::CONNECT
        || header_filter::check_framing(request.version(), request.headers()).is_err()
    {
        return Err(ErrorPage::ambiguous_request());
    }
    let route = match found {
        RouteLookup::Route(route) => route,
        RouteLookup::NotFound => return Err(ErrorPage::not_found(host)),
        RouteLookup::NotLoaded => return Err(ErrorPage::for_starting_tool(host)),
    };
    match (route.state, route.targets.is_empty()) {
        (RouteState::Ready, false) => {}
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
    let mut response = hold_visit(edge, permit, connection, response);
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
    permit: FairPermit<ToolId>,
    connection: Option<ConnectionHandle>,
    response: Response,
) -> Response {
    match connection {
        Some(connection) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
            let stop = edge.kit.tasks.shutdown_signal();
            edge.kit.tasks.spawn("upgraded-visit", async move {
                stop.run_until_shutdown(connection.wait_until_closed()).await;
                drop(permit);
            });
            response
        }
        _ => response.map(|body| hold_until_body_end(body, permit)),
    }
}
