//! Routing by host: the API, a tool's page, or an unknown host.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hearth_base::{Result, Role};
use hearth_client::{Transport, box_body, headers};
use hearth_kit::{
    client_address::{
        X_FORWARDED_FOR, X_FORWARDED_PROTO, read_forwarded_scheme, read_peer_address, trace_forwarded_path,
    },
    config::DoorSettings,
    hosts::{self, HostOwner},
    log_error, relay,
    server::{SLOW_BODY_CODE, find_slow_body_error},
};
use hyper::upgrade::OnUpgrade;
use tower::ServiceExt;

use crate::Gateway;

/// Routes a request by its host. A request for an unknown host is rejected: the host may belong to an
/// attacker who points it here for DNS rebinding.
pub async fn route_by_host(gateway: Arc<Gateway>, api: Router, request: Request) -> Response {
    let door = &gateway.kit.config.door;
    match hosts::read_host(request.uri(), request.headers()) {
        Ok(None) => api.oneshot(request).await.into_response(),
        Ok(Some(host)) => match door.find_host_owner(&host) {
            HostOwner::Api => api.oneshot(request).await.into_response(),
            HostOwner::Tool(_) => serve_tool_page(&gateway, request).await,
            HostOwner::Unknown => build_text_response(
                StatusCode::MISDIRECTED_REQUEST,
                format!("unknown host {host} [unknown-host]\nAn operator can add it to door.hosts.\n"),
            ),
        },
        Err(hosts::InvalidHost) => {
            let text = "The request has no valid host, or more than one [host]\n";
            build_text_response(StatusCode::BAD_REQUEST, text.to_owned())
        }
    }
}

/// Serves a page of a tool through the edge.
async fn serve_tool_page(gateway: &Gateway, request: Request) -> Response {
    match forward_to_edge(gateway, request).await {
        Ok(response) => response,
        Err(error) if find_slow_body_error(&error).is_some() => {
            let text = format!(
                "The body of this request did not arrive in time [{SLOW_BODY_CODE}]\nSend it again over a faster connection.\n"
            );
            build_text_response(StatusCode::REQUEST_TIMEOUT, text)
        }
        Err(error) => {
            log_error!(&error, "edge does not respond");
            let text = "The web pages of tools are unavailable [edge-unavailable]\nTry again in a moment.\n";
            let mut response = build_text_response(StatusCode::SERVICE_UNAVAILABLE, text.to_owned());
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(2));
            response
        }
    }
}

async fn forward_to_edge(gateway: &Gateway, mut request: Request) -> Result<Response> {
    let edge = gateway.kit.clients.find_transport(Role::Edge)?;
    for name in [
        headers::IDENTITY_HEADER,
        headers::MANDATE_HEADER,
        headers::REQUEST_ID_HEADER,
        headers::CLIENT_ADDRESS_HEADER,
    ] {
        request.headers_mut().remove(name);
    }
    // Within one process, the edge sees the original connection.
    if !matches!(edge, Transport::Local(_)) {
        write_forwarded_headers(&gateway.kit.config.door, &mut request);
        gateway.kit.clients.authorize_request(Role::Edge, request.headers_mut())?;
    }
    proxy_request(gateway, edge, request).await
}

/// Writes the forwarding headers: the path of the request and its scheme. What the client sent is not kept.
fn write_forwarded_headers(door: &DoorSettings, request: &mut Request) {
    let peer = read_peer_address(request.extensions());
    let headers = request.headers_mut();
    let path = trace_forwarded_path(door, peer, headers);
    let is_trusted = peer.is_some_and(|peer| door.trusted_proxies.contains(&peer));
    let scheme = read_forwarded_scheme(headers).filter(|_| is_trusted);
    let proto = if scheme.unwrap_or_else(|| door.uses_tls()) { "https" } else { "http" };
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(proto));
    headers.remove(X_FORWARDED_FOR);
    let listed = path.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if let (false, Ok(value)) = (listed.is_empty(), HeaderValue::try_from(listed)) {
        headers.insert(X_FORWARDED_FOR, value);
    }
}

/// Forwards a request without hop-by-hop headers, and relays the connections after a protocol switch.
pub async fn proxy_request(gateway: &Gateway, transport: &Transport, request: Request) -> Result<Response> {
    let mut request = request.map(relay::filter_body_trailers);
    if matches!(transport, Transport::Local(_)) {
        // Hop-by-hop headers stay, because there is only one connection.
        return Ok(transport.send(request.map(box_body)).await?.map(Body::new));
    }
    let protocol = relay::read_upgrade_protocol(request.headers());
    let client_upgrade = request.extensions_mut().remove::<OnUpgrade>();
    remove_hop_by_hop_headers_except_trailers(request.headers_mut());
    if let Some(protocol) = protocol.filter(|_| client_upgrade.is_some()) {
        relay::set_upgrade_headers(request.headers_mut(), protocol);
    }
    let mut response = transport.send(request.map(box_body)).await?.map(Body::new);
    let response_protocol = relay::read_upgrade_protocol(response.headers());
    let service_upgrade = response.extensions_mut().remove::<OnUpgrade>();
    remove_hop_by_hop_headers_except_trailers(response.headers_mut());
    if response.status() == StatusCode::SWITCHING_PROTOCOLS
        && let (Some(client_upgrade), Some(service_upgrade), Some(protocol)) =
            (client_upgrade, service_upgrade, response_protocol)
    {
        relay::set_upgrade_headers(response.headers_mut(), protocol);
        relay::spawn_upgrade_relay(&gateway.kit.tasks, client_upgrade, service_upgrade);
    }
    Ok(response)
}

/// Removes hop-by-hop headers like [`relay::remove_hop_by_hop_headers`], but preserves `TE: trailers`.
fn remove_hop_by_hop_headers_except_trailers(headers: &mut HeaderMap) {
    let trailers = headers.get(header::TE).filter(|value| *value == "trailers").cloned();
    relay::remove_hop_by_hop_headers(headers);
    if let Some(trailers) = trailers {
        headers.insert(header::TE, trailers);
    }
}

fn build_text_response(status: StatusCode, text: String) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (status, kind, text).into_response()
}

#[cfg(test)]
mod tests {
    use hearth_kit::server::PeerAddress;

    use super::*;

    /// Writes the forwarding headers of a request from `peer` that a client has sent with these ones.
    fn forward_from(peer: &str, sent: &'static str) -> (Option<String>, Option<String>) {
        let trusted_proxies = vec!["10.0.0.1".parse().unwrap()];
        let door = DoorSettings { trusted_proxies, ..DoorSettings::default() };
        let mut request = Request::new(Body::empty());
        request.extensions_mut().insert(PeerAddress(peer.parse().unwrap()));
        request.headers_mut().insert(X_FORWARDED_FOR, HeaderValue::from_static(sent));
        request.headers_mut().insert(X_FORWARDED_PROTO, HeaderValue::from_static("https"));
        write_forwarded_headers(&door, &mut request);
        let read = |name| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        (read(X_FORWARDED_FOR), read(X_FORWARDED_PROTO))
    }

    #[test]
    fn forwarding_headers_count_from_trusted_proxies_only() {
        let texts = |path: &str, proto: &str| (Some(path.to_owned()), Some(proto.to_owned()));
        assert_eq!(forward_from("192.0.2.7:4000", "6.6.6.6"), texts("192.0.2.7", "http"));
        assert_eq!(
            forward_from("10.0.0.1:4000", "6.6.6.6, 192.0.2.7"),
            texts("192.0.2.7, 10.0.0.1", "https")
        );
    }

    #[test]
    fn connection_header_cannot_remove_the_host_or_the_identity() {
        let mut sent = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, host, x-hearth-identity, x-mine"),
            ("host", "hello.localhost"),
            ("x-hearth-identity", "signed"),
            ("x-mine", "1"),
            ("te", "trailers"),
        ] {
            sent.insert(name, HeaderValue::from_static(value));
        }
        remove_hop_by_hop_headers_except_trailers(&mut sent);
        let mut left: Vec<_> = sent.keys().map(header::HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["host", "te", "x-hearth-identity"]);
    }
}
