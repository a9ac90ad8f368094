//! Passing messages on between two connections: what is about one connection only stays there, and a connection
//! that changes its protocol is passed on byte by byte.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

use crate::tasks::Tasks;

/// Headers that are about one connection only (RFC 9110, section 7.6.1).
const NOT_PASSED_ON: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Removes what is about the connection, also what `Connection` itself names.
pub fn strip(headers: &mut HeaderMap) {
    for name in named(headers).iter().chain(&NOT_PASSED_ON) {
        headers.remove(name);
    }
}

/// The headers that `Connection` names.
fn named(headers: &HeaderMap) -> Vec<HeaderName> {
    let values = headers.get_all(header::CONNECTION).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(|name| name.trim().parse().ok()).collect()
}

/// The protocol that a message asks to change to, or changes to.
pub fn protocol(headers: &HeaderMap) -> Option<HeaderValue> {
    headers.get(header::UPGRADE).filter(|_| named(headers).contains(&header::UPGRADE)).cloned()
}

/// Says that this connection changes to `protocol`.
pub fn upgrade(headers: &mut HeaderMap, protocol: HeaderValue) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, protocol);
}

/// Passes bytes both ways between two connections that have changed their protocol, until one ends or it is
/// time to stop.
pub fn bridge(tasks: &Tasks, one: OnUpgrade, other: OnUpgrade) {
    let stop = tasks.stop_sign();
    tasks.start("upgraded", async move {
        let copied = async {
            let (one, other) = tokio::try_join!(one, other).map_err(|cause| cause.to_string())?;
            tokio::io::copy_bidirectional(&mut TokioIo::new(one), &mut TokioIo::new(other))
                .await
                .map_err(|cause| cause.to_string())
        };
        if let Some(Err(cause)) = stop.unless(copied).await {
            tracing::debug!(cause, "an upgraded connection broke off");
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_connection_names_stays_behind() {
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
        strip(&mut headers);
        let left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["x-three", "trailer"]);
    }

    #[test]
    fn an_upgrade_is_one_only_when_connection_says_so() {
        let mut headers = HeaderMap::new();
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        assert_eq!(protocol(&headers), None);
        headers.insert(header::CONNECTION, HeaderValue::from_static("keep-alive, Upgrade"));
        assert!(protocol(&headers).is_some_and(|protocol| protocol == "websocket"));
    }
}
