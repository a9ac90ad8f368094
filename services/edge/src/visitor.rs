//! Client address, scheme and host of a visitor, for the tool: `X-Forwarded-*` and `Forwarded` (RFC 7239).

use std::net::IpAddr;

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, header},
};
use hearth_base::{Caller, Identity, Role};
use hearth_client::headers;
use hearth_kit::{
    client_address::{
        X_FORWARDED_FOR, X_FORWARDED_PROTO, parse_forwarded_addresses, read_forwarded_scheme,
        read_peer_address, trace_forwarded_path,
    },
    relay,
};

use crate::Edge;

const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Origin of a visitor's request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisitorInfo {
    /// Addresses of the visitor and of the proxies, in the order of the path of the request.
    addresses: Vec<IpAddr>,
    /// True when the visitor used TLS.
    secure: bool,
    /// Host header of the visitor, with its port.
    host: Option<HeaderValue>,
}

impl VisitorInfo {
    /// Determines the origin from the connection, and from the headers of trusted peers: the gateway, and the
    /// proxies in `door.trusted_proxies`.
    pub fn from_request(edge: &Edge, request: &Request) -> Self {
        let door = &edge.kit.config.door;
        let peer = read_peer_address(request.extensions());
        let gateway = is_from_gateway(edge, request.headers());
        let is_trusted = gateway || peer.is_some_and(|peer| door.trusted_proxies.contains(&peer));
        let scheme = read_forwarded_scheme(request.headers()).filter(|_| is_trusted);
        // The gateway is a part of this Hearth, not a proxy: it has written the path, without itself.
        let addresses = match gateway {
            true => parse_forwarded_addresses(request.headers()).into_iter().flatten().collect(),
            false => trace_forwarded_path(door, peer, request.headers()),
        };
        Self {
            addresses,
            secure: scheme.unwrap_or_else(|| door.uses_tls()),
            host: request.headers().get(header::HOST).cloned(),
        }
    }

    /// Replaces the request's forwarding headers: none that the visitor sent remains.
    pub fn write_headers(&self, headers: &mut HeaderMap) {
        relay::remove_forwarding_headers(headers);
        let proto = if self.secure { "https" } else { "http" };
        headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(proto));
        let listed = self.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        if let (false, Ok(value)) = (listed.is_empty(), HeaderValue::try_from(listed)) {
            headers.insert(X_FORWARDED_FOR, value);
        }
        let host = self.host.as_ref().and_then(|host| host.to_str().ok());
        let elements = self.addresses.iter().enumerate().map(|(index, address)| {
            let node = match address {
                IpAddr::V4(address) => address.to_string(),
                IpAddr::V6(address) => format!("\"[{address}]\""),
            };
            let host = host.filter(|_| index == 0).map(|host| format!(";host=\"{host}\";proto={proto}"));
            format!("for={node}{}", host.unwrap_or_default())
        });
        let elements = elements.collect::<Vec<_>>().join(", ");
        if let (false, Ok(value)) = (elements.is_empty(), HeaderValue::try_from(elements)) {
            headers.insert(header::FORWARDED, value);
        }
        if let Some(host) = &self.host {
            headers.insert(X_FORWARDED_HOST, host.clone());
        }
    }
}

fn is_from_gateway(edge: &Edge, headers: &HeaderMap) -> bool {
    let token = headers.get(headers::IDENTITY_HEADER).and_then(|value| value.to_str().ok());
    let verified =
        token.map(|token| Identity::verify(&edge.kit.key_ring, token, Role::Edge, edge.kit.clock.now()));
    matches!(verified, Some(Ok(Identity { caller: Caller::Service { role: Role::Gateway }, .. })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwarding_headers_replace_the_visitors_own() {
        let mut headers = HeaderMap::new();
        // Those that Hearth writes, and neighbours of them that only other proxies write.
        for name in [
            "x-forwarded-for",
            "x-forwarded-proto",
            "x-forwarded-host",
            "x-forwarded-port",
            "x-forwarded-prefix",
            "x-forwarded-user",
            "x-forwarded-email",
            "x-forwarded-preferred-username",
            "x-forwarded-access-token",
            "x-forwarded-ssl",
            "x-forwarded-scheme",
            "x-forwarded-server",
            "x-forwarded",
            "x-forwarded-anything",
            "x-real-ip",
            "forwarded",
        ] {
            headers.append(name, HeaderValue::from_static("6.6.6.6"));
        }
        headers.append("x-forward-note", HeaderValue::from_static("kept"));
        let visitor_info = VisitorInfo {
            addresses: vec![[10, 0, 0, 9].into(), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])],
            secure: true,
            host: Some(HeaderValue::from_static("hello.localhost:8080")),
        };
        visitor_info.write_headers(&mut headers);
        assert_eq!(headers[X_FORWARDED_FOR], "10.0.0.9, ::1");
        assert_eq!(headers[X_FORWARDED_PROTO], "https");
        assert_eq!(headers[X_FORWARDED_HOST], "hello.localhost:8080");
        assert_eq!(
            headers[header::FORWARDED],
            "for=10.0.0.9;host=\"hello.localhost:8080\";proto=https, for=\"[::1]\""
        );
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(
            left,
            ["forwarded", "x-forward-note", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"]
        );
    }
}
