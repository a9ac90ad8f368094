//! The door by the name that a request came for: the API, a tool's page, or nobody here.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hearth_base::{Result, Role};
use hearth_client::{Transport, body, headers};
use hearth_kit::{
    hosts::{self, Place},
    log_error, relay,
    server::Peer,
};
use hyper::upgrade::OnUpgrade;
use tower::ServiceExt;

use crate::Gateway;

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Lets a request go where its host belongs. A name that is not known may be somebody else's, made to point here
/// so that their page can speak with this server: it gets nothing.
pub async fn enter(gateway: Arc<Gateway>, api: Router, request: Request) -> Response {
    let door = &gateway.kit.config.door;
    match hosts::named(request.uri(), request.headers()) {
        Ok(None) => api.oneshot(request).await.into_response(),
        Ok(Some(host)) => match door.place(&host) {
            Place::Api => api.oneshot(request).await.into_response(),
            Place::Tool(_) => visit(&gateway, request).await,
            Place::Nobody => tell(
                StatusCode::MISDIRECTED_REQUEST,
                format!(
                    "Nothing of this Hearth is called {host} [unknown-host]\nAn operator can name it in door.hosts.\n"
                ),
            ),
        },
        Err(hosts::Unreadable) => {
            let what = "This request names no host that can be read, or two [host]\n";
            tell(StatusCode::BAD_REQUEST, what.to_owned())
        }
    }
}

/// Hands a visitor of a tool's page to the edge.
async fn visit(gateway: &Gateway, request: Request) -> Response {
    match hand_over(gateway, request).await {
        Ok(response) => response,
        Err(error) => {
            log_error!(&error, "edge does not answer");
            let what = "The pages of tools are away for a moment [edge-away]\nTry again.\n";
            let mut response = tell(StatusCode::SERVICE_UNAVAILABLE, what.to_owned());
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(2));
            response
        }
    }
}

async fn hand_over(gateway: &Gateway, mut request: Request) -> Result<Response> {
    let edge = gateway.kit.clients.transport(Role::Edge)?;
    for own in [headers::IDENTITY, headers::MANDATE, headers::REQUEST_ID] {
        request.headers_mut().remove(own);
    }
    // Within one process the connection's own facts go along.
    if !matches!(edge, Transport::Local(_)) {
        forwarded(gateway, &mut request);
        gateway.kit.clients.authorize(Role::Edge, request.headers_mut())?;
    }
    send(gateway, edge, request).await
}

/// Says who visits: the connection, and those before it whom the operator trusts.
fn forwarded(gateway: &Gateway, request: &mut Request) {
    let door = &gateway.kit.config.door;
    let peer = request.extensions().get::<Peer>().map(|Peer(peer)| peer.ip().to_canonical());
    let headers = request.headers_mut();
    if !peer.is_some_and(|peer| door.trusted_proxies.contains(&peer)) {
        headers.remove(FOR);
        let proto = if door.secure() { "https" } else { "http" };
        headers.insert(PROTO, HeaderValue::from_static(proto));
    }
    if let Some(value) = peer.and_then(|peer| HeaderValue::try_from(peer.to_string()).ok()) {
        headers.append(FOR, value);
    }
}

/// Sends a request on, with a change of protocol if it asks for one.
pub async fn send(gateway: &Gateway, transport: &Transport, mut request: Request) -> Result<Response> {
    if matches!(transport, Transport::Local(_)) {
        // What is about the connection stays with the one connection that there is.
        return Ok(transport.send(request.map(body)).await?.map(Body::new));
    }
    let protocol = relay::protocol(request.headers());
    let ours = request.extensions_mut().remove::<OnUpgrade>();
    strip(request.headers_mut());
    if let Some(protocol) = protocol.filter(|_| ours.is_some()) {
        relay::upgrade(request.headers_mut(), protocol);
    }
    let mut response = transport.send(request.map(body)).await?.map(Body::new);
    let changed = relay::protocol(response.headers());
    let theirs = response.extensions_mut().remove::<OnUpgrade>();
    strip(response.headers_mut());
    if response.status() == StatusCode::SWITCHING_PROTOCOLS
        && let (Some(ours), Some(theirs), Some(protocol)) = (ours, theirs, changed)
    {
        relay::upgrade(response.headers_mut(), protocol);
        relay::bridge(&gateway.kit.tasks, ours, theirs);
    }
    Ok(response)
}

/// As [`relay::strip`], and trailers go on being asked for.
fn strip(headers: &mut HeaderMap) {
    let trailers = headers.get(header::TE).filter(|value| *value == "trailers").cloned();
    relay::strip(headers);
    if let Some(trailers) = trailers {
        headers.insert(header::TE, trailers);
    }
}

fn tell(status: StatusCode, what: String) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (status, kind, what).into_response()
}
