//! Client address, scheme and host of a visitor, for the tool: `X-Forwarded-*` and `Forwarded` (RFC 7239).

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, header},
};
use hearth_base::{Caller, Identity, Role};
use hearth_client::headers;
use hearth_kit::server::PeerAddress;

use crate::Edge;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

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
        let peer =
            request.extensions().get::<PeerAddress>().map(|PeerAddress(peer)| peer.ip().to_canonical());
        let gateway = is_from_gateway(edge, request.headers());
        let forwarded = Self::parse_forwarded(request.headers());
        let is_trusted = gateway || peer.is_some_and(|peer| door.trusted_proxies.contains(&peer));
        let host = request.headers().get(header::HOST).cloned();
        let (mut addresses, secure) = match is_trusted {
            true => (forwarded.0, forwarded.1.unwrap_or_else(|| door.uses_tls())),
            false => (Vec::new(), door.uses_tls()),
        };
        // The gateway is a part of this Hearth and not listed as a proxy.
        addresses.extend(peer.filter(|_| !gateway));
        Self { addresses, secure, host }
    }

    /// Parses the forwarded addresses and the scheme.
    fn parse_forwarded(headers: &HeaderMap) -> (Vec<IpAddr>, Option<bool>) {
        let values = headers.get_all(&X_FORWARDED_FOR).into_iter().filter_map(|value| value.to_str().ok());
        let addresses =
            values.flat_map(|value| value.split(',')).filter_map(|text| parse_address(text.trim()));
        let proto =
            headers.get(&X_FORWARDED_PROTO).map(|value| value.as_bytes().eq_ignore_ascii_case(b"https"));
        (addresses.collect(), proto)
    }

    /// Replaces the request's forwarding headers.
    pub fn write_headers(&self, headers: &mut HeaderMap) {
        for name in [X_FORWARDED_FOR, X_FORWARDED_PROTO, X_FORWARDED_HOST, X_REAL_IP, header::FORWARDED] {
            headers.remove(name);
        }
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

/// Parses an address with an optional port.
fn parse_address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    bare.ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
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
        for name in [X_FORWARDED_FOR, X_FORWARDED_PROTO, X_FORWARDED_HOST, X_REAL_IP, header::FORWARDED] {
            headers.append(name, HeaderValue::from_static("6.6.6.6"));
        }
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
        assert!(!headers.contains_key(X_REAL_IP));
    }

    #[test]
    fn invalid_forwarded_addresses_are_dropped() {
        let mut headers = HeaderMap::new();
        headers.append(X_FORWARDED_FOR, HeaderValue::from_static("10.0.0.1:80, unknown, [::1]"));
        headers.append(X_FORWARDED_FOR, HeaderValue::from_static("<script>"));
        let (addresses, secure) = VisitorInfo::parse_forwarded(&headers);
        assert_eq!(addresses.len(), 2);
        assert_eq!(secure, None);
    }
}
