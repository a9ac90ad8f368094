//! Address of a client behind trusted proxies.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::Request,
    http::{Extensions, HeaderMap, HeaderName},
};

use crate::{config::DoorSettings, server::PeerAddress};

/// Header with the addresses of the client and of the proxies before the last one.
pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Header with the scheme by which the client reached the first trusted proxy.
pub const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Reads the address of the other end of a request's connection; `None` for a request within the process.
pub fn read_peer_address(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<PeerAddress>().map(|PeerAddress(peer)| peer.ip().to_canonical())
}

/// Determines the address of the client: the peer, or behind trusted proxies the address that the outermost trusted
/// proxy received the request from.
pub fn find_client_address(door: &DoorSettings, request: &Request) -> Option<IpAddr> {
    let peer = read_peer_address(request.extensions());
    trace_forwarded_path(door, peer, request.headers()).first().copied()
}

/// Traces the path of a request: the addresses of the client and of the trusted proxies, in the order of the path.
///
/// `X-Forwarded-For` is read from its end, because each proxy appends the address that it saw: the first address that
/// is not a trusted proxy is the client, and everything before it was sent by the client and may be forged.
pub fn trace_forwarded_path(door: &DoorSettings, peer: Option<IpAddr>, headers: &HeaderMap) -> Vec<IpAddr> {
    let Some(peer) = peer else { return Vec::new() };
    let is_trusted = |address: &IpAddr| door.trusted_proxies.contains(address);
    let mut path = vec![peer];
    if is_trusted(&peer) {
        for address in parse_forwarded_addresses(headers).into_iter().rev() {
            // An unreadable address hides the client; the proxy that appended it stands for the client.
            let Some(address) = address else { break };
            path.push(address);
            if !is_trusted(&address) {
                break;
            }
        }
    }
    path.reverse();
    path
}

/// Reads the forwarded scheme: true for `https`. The last value counts, because a trusted proxy appended it.
pub fn read_forwarded_scheme(headers: &HeaderMap) -> Option<bool> {
    let last = headers.get_all(&X_FORWARDED_PROTO).into_iter().next_back()?;
    let last = last.to_str().ok()?.rsplit(',').next()?.trim().to_owned();
    Some(last.eq_ignore_ascii_case("https"))
}

/// Parses the forwarded addresses; an unreadable one is `None`.
pub fn parse_forwarded_addresses(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let values = headers.get_all(&X_FORWARDED_FOR).into_iter();
    let texts = values.flat_map(|value| value.to_str().unwrap_or_default().split(','));
    texts.map(|text| parse_address(text.trim())).collect()
}

/// Parses an address with an optional port.
fn parse_address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
    let address = bare.or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn trace(peer: &str, forwarded: &[&'static str]) -> Vec<String> {
        let trusted = ["10.0.0.1", "10.0.0.2"].map(|address| address.parse().unwrap());
        let door = DoorSettings { trusted_proxies: trusted.to_vec(), ..DoorSettings::default() };
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_static(value));
        }
        let path = trace_forwarded_path(&door, peer.parse().ok(), &headers);
        path.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn client_is_the_last_address_before_the_trusted_proxies() {
        assert_eq!(trace("10.0.0.1", &["192.0.2.7"]), ["192.0.2.7", "10.0.0.1"]);
        assert_eq!(trace("10.0.0.1", &["192.0.2.7, 10.0.0.2"]), ["192.0.2.7", "10.0.0.2", "10.0.0.1"]);
        assert_eq!(trace("10.0.0.1", &["192.0.2.7:4000"]), ["192.0.2.7", "10.0.0.1"]);
        assert_eq!(trace("10.0.0.1", &["[2001:db8::1]:80"]), ["2001:db8::1", "10.0.0.1"]);
    }

    #[test]
    fn addresses_that_the_client_forged_are_dropped() {
        assert_eq!(trace("10.0.0.1", &["10.0.0.2, 6.6.6.6, 192.0.2.7"]), ["192.0.2.7", "10.0.0.1"]);
        assert_eq!(trace("10.0.0.1", &["6.6.6.6", "192.0.2.7"]), ["192.0.2.7", "10.0.0.1"]);
        assert_eq!(trace("192.0.2.7", &["6.6.6.6"]), ["192.0.2.7"]);
        assert_eq!(trace("10.0.0.1", &["6.6.6.6, unknown"]), ["10.0.0.1"]);
        assert_eq!(trace("10.0.0.1", &["6.6.6.6, "]), ["10.0.0.1"]);
    }

    #[test]
    fn forwarded_scheme_is_the_last_one() {
        let mut headers = HeaderMap::new();
        assert_eq!(read_forwarded_scheme(&headers), None);
        headers.append(X_FORWARDED_PROTO, HeaderValue::from_static("https, http"));
        assert_eq!(read_forwarded_scheme(&headers), Some(false));
        headers.append(X_FORWARDED_PROTO, HeaderValue::from_static("HTTPS"));
        assert_eq!(read_forwarded_scheme(&headers), Some(true));
    }
}
