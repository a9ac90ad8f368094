//! Proxying between two connections: removal of hop-by-hop headers, and a byte-for-byte relay of upgraded
//! connections.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use hyper::upgrade::OnUpgrade;
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

/// Removes the hop-by-hop headers and the headers that `Connection` names.
pub fn remove_hop_by_hop_headers(headers: &mut HeaderMap) {
    for name in parse_connection_header(headers).iter().chain(&HOP_BY_HOP_HEADERS) {
        headers.remove(name);
    }
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

    #[test]
    fn upgrade_requires_the_connection_header() {
        let mut headers = HeaderMap::new();
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        assert_eq!(read_upgrade_protocol(&headers), None);
        headers.insert(header::CONNECTION, HeaderValue::from_static("keep-alive, Upgrade"));
        assert!(read_upgrade_protocol(&headers).is_some_and(|protocol| protocol == "websocket"));
    }
}
