//! Whose request it is, as far as a tool may know: the visitor's address, and how they reached the door.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, header},
};
use hearth_base::{Caller, Identity, Role};
use hearth_client::headers;
use hearth_kit::server::Peer;

use crate::Edge;

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const REAL: HeaderName = HeaderName::from_static("x-real-ip");

/// Whose request it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The addresses that it came through, the visitor's first.
    addresses: Vec<IpAddr>,
    /// Whether the visitor came by TLS.
    secure: bool,
    /// The host as they named it, with its port.
    host: Option<HeaderValue>,
}

impl About {
    /// What the connection says, and those before it who are believed: the gateway, and the proxies that the
    /// operator trusts.
    pub fn of(edge: &Edge, request: &Request) -> Self {
        let door = &edge.kit.config.door;
        let peer = request.extensions().get::<Peer>().map(|Peer(peer)| peer.ip().to_canonical());
        let gateway = vouched_by_gateway(edge, request.headers());
        let told = Self::told(request.headers());
        let believed = gateway || peer.is_some_and(|peer| door.trusted_proxies.contains(&peer));
        let host = request.headers().get(header::HOST).cloned();
        let (mut addresses, secure) = match believed {
            true => (told.0, told.1.unwrap_or_else(|| door.secure())),
            false => (Vec::new(), door.secure()),
        };
        // The gateway is a part of this Hearth, and no station of its own.
        addresses.extend(peer.filter(|_| !gateway));
        Self { addresses, secure, host }
    }

    /// What headers claim: addresses, and whether it was TLS.
    fn told(headers: &HeaderMap) -> (Vec<IpAddr>, Option<bool>) {
        let values = headers.get_all(&FOR).into_iter().filter_map(|value| value.to_str().ok());
        let addresses = values.flat_map(|value| value.split(',')).filter_map(|text| address(text.trim()));
        let proto = headers.get(&PROTO).map(|value| value.as_bytes().eq_ignore_ascii_case(b"https"));
        (addresses.collect(), proto)
    }

    /// Tells the tool, in place of whatever the request said.
    pub fn write(&self, headers: &mut HeaderMap) {
        for name in [FOR, PROTO, HOST, REAL, header::FORWARDED] {
            headers.remove(name);
        }
        let proto = if self.secure { "https" } else { "http" };
        headers.insert(PROTO, HeaderValue::from_static(proto));
        let listed = self.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        if let (false, Ok(value)) = (listed.is_empty(), HeaderValue::try_from(listed)) {
            headers.insert(FOR, value);
        }
        let host = self.host.as_ref().and_then(|host| host.to_str().ok());
        let stations = self.addresses.iter().enumerate().map(|(place, address)| {
            let node = match address {
                IpAddr::V4(address) => address.to_string(),
                IpAddr::V6(address) => format!("\"[{address}]\""),
            };
            let host = host.filter(|_| place == 0).map(|host| format!(";host=\"{host}\";proto={proto}"));
            format!("for={node}{}", host.unwrap_or_default())
        });
        let stations = stations.collect::<Vec<_>>().join(", ");
        if let (false, Ok(value)) = (stations.is_empty(), HeaderValue::try_from(stations)) {
            headers.insert(header::FORWARDED, value);
        }
        if let Some(host) = &self.host {
            headers.insert(HOST, host.clone());
        }
    }
}

/// An address, perhaps with a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    bare.ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

fn vouched_by_gateway(edge: &Edge, headers: &HeaderMap) -> bool {
    let shown = headers.get(headers::IDENTITY).and_then(|value| value.to_str().ok());
    let checked =
        shown.map(|shown| Identity::verify(&edge.kit.ring, shown, Role::Edge, edge.kit.clock.now()));
    matches!(checked, Some(Ok(Identity { caller: Caller::Service { role: Role::Gateway }, .. })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_told_who_visits_and_not_what_they_claim() {
        let mut headers = HeaderMap::new();
        for name in [FOR, PROTO, HOST, REAL, header::FORWARDED] {
            headers.append(name, HeaderValue::from_static("6.6.6.6"));
        }
        let about = About {
            addresses: vec![[10, 0, 0, 9].into(), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])],
            secure: true,
            host: Some(HeaderValue::from_static("hello.localhost:8080")),
        };
        about.write(&mut headers);
        assert_eq!(headers[FOR], "10.0.0.9, ::1");
        assert_eq!(headers[PROTO], "https");
        assert_eq!(headers[HOST], "hello.localhost:8080");
        assert_eq!(
            headers[header::FORWARDED],
            "for=10.0.0.9;host=\"hello.localhost:8080\";proto=https, for=\"[::1]\""
        );
        assert!(!headers.contains_key(REAL));
    }

    #[test]
    fn claimed_addresses_that_are_none_are_left_out() {
        let mut headers = HeaderMap::new();
        headers.append(FOR, HeaderValue::from_static("10.0.0.1:80, unknown, [::1]"));
        headers.append(FOR, HeaderValue::from_static("<script>"));
        let (addresses, secure) = About::told(&headers);
        assert_eq!(addresses.len(), 2);
        assert_eq!(secure, None);
    }
}
