//! Forwards a request to one of a tool's instances, and its response back, both as streams.

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
use hearth_kit::{relay, server::find_slow_body_error};
use hearth_wire::jobs::internal::Route;
use hyper::upgrade::OnUpgrade;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::{
    Edge, header_filter,
    request_body::{SharedBody, SharedBodyReader},
    visitor::VisitorInfo,
};

/// Maximum number of instances that are tried for one request.
const MAX_ATTEMPTS_PER_REQUEST: usize = 3;

/// Reason for a missing response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForwardError {
    /// No instance accepted the request, or the connection broke.
    NoResponse,
    /// The instance did not start to respond in time.
    Timeout,
    /// The visitor did not send the request's body in time.
    SlowBody,
}

/// Round-robin counter over instances.
static NEXT_INSTANCE: AtomicUsize = AtomicUsize::new(0);

/// Forwards `request`. Another instance is tried only if the first has received nothing of the request.
pub async fn forward_request(
    edge: &Edge,
    route: &Route,
    host: &str,
    mut request: Request,
) -> Result<Response, ForwardError> {
    let protocol = relay::read_upgrade_protocol(request.headers());
    let visitor = request.extensions_mut().remove::<OnUpgrade>();
    let visitor_info = VisitorInfo::from_request(edge, &request);
    header_filter::filter_request(request.headers_mut());
    visitor_info.write_headers(request.headers_mut());
    if let Some(protocol) = &protocol {
        relay::set_upgrade_headers(request.headers_mut(), protocol.clone());
    }
    let (head, body) = request.into_parts();
    let shared_body = SharedBody::new(relay::filter_body_trailers(body));
    let first_index = NEXT_INSTANCE.fetch_add(1, Ordering::Relaxed);
    for attempt in 0..route.targets.len().min(MAX_ATTEMPTS_PER_REQUEST) {
        let Some(target) = route.targets.get((first_index + attempt) % route.targets.len()) else { break };
        let request =
            build_request(*target, &head, shared_body.create_reader()).ok_or(ForwardError::NoResponse)?;
        match wait_for_response(edge, request, &shared_body).await? {
            Ok(response) => {
                let visitor = protocol.is_some().then_some(visitor).flatten();
                return build_response(edge, host, response, visitor);
            }
            Err(cause) => {
                let will_retry = cause.is_connect() && !shared_body.has_read_started();
                tracing::debug!(tool = %route.name, %target, %cause, will_retry, "instance did not respond");
                if find_slow_body_error(&cause).is_some() {
                    return Err(ForwardError::SlowBody);
                }
                if !will_retry {
                    return Err(ForwardError::NoResponse);
                }
            }
        }
    }
    Err(ForwardError::NoResponse)
}

/// Builds the request to `target`.
fn build_request(
    target: SocketAddr,
    head: &Parts,
    body: SharedBodyReader,
) -> Option<Request<SharedBodyReader>> {
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

type SendResult = Result<Response, hyper_util::client::legacy::Error>;

/// Waits for the start of the response. The timeout starts again whenever the visitor sends data.
async fn wait_for_response(
    edge: &Edge,
    request: Request<SharedBodyReader>,
    shared_body: &SharedBody,
) -> Result<SendResult, ForwardError> {
    let mut sending = std::pin::pin!(edge.pool.send(request));
    loop {
        let until = shared_body.last_progress_at() + edge.answer_timeout;
        if let Ok(sent) = timeout_at(until, &mut sending).await {
            return Ok(sent);
        }
        if shared_body.last_progress_at() + edge.answer_timeout <= Instant::now() {
            return Err(match shared_body.is_awaited() {
                true => ForwardError::SlowBody,
                false => ForwardError::Timeout,
            });
        }
        sleep_until(Instant::now() + Duration::from_millis(1)).await;
    }
}

/// Builds the response to the visitor.
fn build_response(
    edge: &Edge,
    host: &str,
    response: Response,
    visitor: Option<OnUpgrade>,
) -> Result<Response, ForwardError> {
    let mut response = response.map(relay::filter_body_trailers);
    *response.version_mut() = Version::HTTP_11;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        header_filter::filter_response(response.headers_mut(), host);
        return Ok(response);
    }
    // An unrequested protocol switch would leave the connection in an undefined state.
    let protocol = relay::read_upgrade_protocol(response.headers());
    let tool = response.extensions_mut().remove::<OnUpgrade>();
    let (Some(visitor), Some(tool), Some(protocol)) = (visitor, tool, protocol) else {
        return Err(ForwardError::NoResponse);
    };
    header_filter::filter_response(response.headers_mut(), host);
    relay::set_upgrade_headers(response.headers_mut(), protocol);
    relay::spawn_upgrade_relay(&edge.kit.tasks, visitor, tool);
    Ok(response)
}
