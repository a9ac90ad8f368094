//! Proxying between two connections: removal of hop-by-hop headers and of forbidden trailers, and a byte-for-byte relay
//! of upgraded connections.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderName, HeaderValue, header},
};
use hyper::{
    body::{Body as _, Frame, SizeHint},
    upgrade::OnUpgrade,
};
use hyper_util::rt::TokioIo;

use crate::tasks::BackgroundTasks;

/// Hop-by-hop headers (RFC 9110, section 7.6.1).
const HOP_BY_HOP_HEADERS: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Prefix of the headers that parts of Hearth exchange.
const HEARTH_PREFIX: &str = "x-hearth-";
/// Prefix of the headers that proxies write.
const FORWARDED_PREFIX: &str = "x-forwarded";
/// Header in which a proxy writes the address of the client.
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// End-to-end headers that `Connection` cannot remove: they select the recipient, frame the message, or prove the
/// caller, so that the next recipient would read another request than this one.
const PROTECTED_HEADERS: [HeaderName; 6] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::AUTHORIZATION,
    header::COOKIE,
    header::SET_COOKIE,
];

/// Headers that have no meaning, or a dangerous one, after a body (RFC 9110, section 6.5.1).
const FORBIDDEN_TRAILERS: [HeaderName; 12] = [
    header::AGE,
    header::CACHE_CONTROL,
    header::CONTENT_ENCODING,
    header::CONTENT_RANGE,
    header::EXPECT,
    header::LOCATION,
    header::MAX_FORWARDS,
    header::RANGE,
    header::TRAILER,
    header::VARY,
    header::WWW_AUTHENTICATE,
    HeaderName::from_static("clear-site-data"),
];

/// Removes the hop-by-hop headers and the headers that `Connection` names, except for [`PROTECTED_HEADERS`] and the
/// headers of proxies and of Hearth's own parts.
pub fn remove_hop_by_hop_headers(headers: &mut HeaderMap) {
    let named = parse_connection_header(headers);
    for name in named.iter().filter(|name| !is_protected(name)).chain(&HOP_BY_HOP_HEADERS) {
        headers.remove(name);
    }
}

fn is_protected(name: &HeaderName) -> bool {
    PROTECTED_HEADERS.contains(name) || name.as_str().starts_with(HEARTH_PREFIX) || is_forwarding_header(name)
}

/// Returns true for a header in which a proxy describes the client: `Forwarded` (RFC 7239), every `X-Forwarded-…`, and
/// `X-Real-IP`.
fn is_forwarding_header(name: &HeaderName) -> bool {
    *name == header::FORWARDED || *name == X_REAL_IP || name.as_str().starts_with(FORWARDED_PREFIX)
}

/// Removes the headers that only Hearth's own parts may send.
pub fn remove_hearth_headers(headers: &mut HeaderMap) {
    remove_headers_where(headers, |name| name.as_str().starts_with(HEARTH_PREFIX));
}

/// Removes every header in which a proxy describes the client. Recipients trust some that Hearth never writes, such as
/// `X-Forwarded-User`.
pub fn remove_forwarding_headers(headers: &mut HeaderMap) {
    remove_headers_where(headers, is_forwarding_header);
}

/// Removes the headers that a predicate selects.
pub fn remove_headers_where(headers: &mut HeaderMap, is_removed: impl Fn(&HeaderName) -> bool) {
    let removed: Vec<HeaderName> = headers.keys().filter(|name| is_removed(name)).cloned().collect();
    for name in removed {
        headers.remove(name);
    }
}

/// Removes forbidden fields from the trailers of a body: recipients may merge trailers into the headers, after the
/// headers were filtered.
pub fn filter_body_trailers(body: Body) -> Body {
    // An empty body keeps its form: a wrapped one would look like a body of unknown length.
    if body.is_end_stream() { body } else { Body::new(TrailerFilter(body)) }
}

/// A body with filtered trailers.
struct TrailerFilter(Body);

impl hyper::body::Body for TrailerFilter {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.0).poll_frame(cx).map_ok(|mut frame| {
            if let Some(trailers) = frame.trailers_mut() {
                filter_trailers(trailers);
            }
            frame
        })
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

/// Removes forbidden fields from trailers.
pub fn filter_trailers(trailers: &mut HeaderMap) {
    remove_headers_where(trailers, |name| {
        is_protected(name)
            || HOP_BY_HOP_HEADERS.contains(name)
            || FORBIDDEN_TRAILERS.contains(name)
            || name.as_str().contains('_')
    });
}

/// Parses the header names in `Connection`.
fn parse_connection_header(headers: &HeaderMap) -> Vec<HeaderName> {
    let values = headers.get_all(header::CONNECTION).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(|name| name.trim().parse().ok()).collect()
}

/// Reads the protocol of an upgrade request or response; `None` unless `Connection` names `upgrade`.
pub fn read_upgrade_protocol(headers: &HeaderMap) -> Option<HeaderValue> {
    headers
        .get(header::UPGRADE)
        .filter(|_| parse_connection_header(headers).contains(&header::UPGRADE))
        .cloned()
}

/// Sets the headers of an upgrade to `protocol`.
pub fn set_upgrade_headers(headers: &mut HeaderMap, protocol: HeaderValue) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, protocol);
}

/// Spawns a task that copies bytes in both directions between two upgraded connections, until one of them closes or
/// the process shuts down.
pub fn spawn_upgrade_relay(tasks: &BackgroundTasks, one: OnUpgrade, other: OnUpgrade) {
    let stop = tasks.shutdown_signal();
    tasks.spawn("upgraded", async move {
        let copied = async {
            let (one, other) = tokio::try_join!(one, other).map_err(|cause| cause.to_string())?;
            tokio::io::copy_bidirectional(&mut TokioIo::new(one), &mut TokioIo::new(other))
                .await
                .map_err(|cause| cause.to_string())
        };
        if let Some(Err(cause)) = stop.run_until_shutdown(copied).await {
            tracing::debug!(cause, "upgraded connection interrupted");
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_named_by_connection_are_removed() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-One"),
            ("connection", "x-two"),
            ("x-one", "1"),
            ("x-two", "2"),
            ("x-three", "3"),
            ("te", "trailers"),
            ("trailer", "x-sum"),
            ("transfer-encoding", "chunked"),
        ] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        remove_hop_by_hop_headers(&mut headers);
        let left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["x-three", "trailer"]);
    }

    fn list_names(headers: &HeaderMap) -> Vec<&str> {
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn connection_header_cannot_remove_host_identity_or_framing() {
        let mut headers = HeaderMap::new();
        let kept = ["authorization", "content-length", "host", "x-forwarded-for", "x-hearth-identity"];
        for name in kept {
            headers.append(header::CONNECTION, HeaderValue::from_static(name));
            headers.append(HeaderName::from_static(name), HeaderValue::from_static("1"));
        }
        remove_hop_by_hop_headers(&mut headers);
        assert_eq!(list_names(&headers), kept);
    }

    #[test]
    fn trailers_carry_no_identity_credential_or_framing() {
        let mut trailers = HeaderMap::new();
        for name in [
            "x-hearth-identity",
            "x-hearth-anything",
            "host",
            "content-length",
            "transfer-encoding",
            "authorization",
            "set-cookie",
            "x-forwarded-for",
            "x_hearth_identity",
            "grpc-status",
            "x-checksum",
        ] {
            trailers.append(HeaderName::from_static(name), HeaderValue::from_static("1"));
        }
        filter_trailers(&mut trailers);
        assert_eq!(list_names(&trailers), ["grpc-status", "x-checksum"]);
    }

    #[test]
    fn upgrade_requires_the_connection_header() {
        let mut headers = HeaderMap::new();
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        assert_eq!(read_upgrade_protocol(&headers), None);
        headers.insert(header::CONNECTION, HeaderValue::from_static("keep-alive, Upgrade"));
        assert!(read_upgrade_protocol(&headers).is_some_and(|protocol| protocol == "websocket"));
    }
}
