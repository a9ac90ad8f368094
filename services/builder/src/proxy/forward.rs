//! Forwarding of plain HTTP requests in absolute form.

use std::time::Duration;

use hearth_base::{Error, ErrorKind, Result};
use hearth_kit::outbound::OutboundClient;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri, Version, header, uri::Scheme};
use http_body_util::BodyExt;
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;

use super::{ConnectionTasks, ProxyBody};

/// Longest time until the response begins.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(120);

/// Headers of a single connection (RFC 9110, section 7.6.1).
const HOP_BY_HOP_HEADERS: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Forwards a request, and streams the response back. Redirects are returned to the client, whose next
/// request is checked again.
pub async fn forward_request(
    outbound: &OutboundClient,
    connection_tasks: &ConnectionTasks,
    mut request: Request<Incoming>,
) -> Result<Response<ProxyBody>> {
    let uri = request.uri().clone();
    let authority = uri.authority().filter(|_| uri.scheme() == Some(&Scheme::HTTP)).ok_or_else(|| {
        Error::invalid(
            "proxy-target",
            "the request is not for a proxy; expected an http:// URL, or CONNECT for https://",
        )
    })?;
    if authority.as_str().contains('@') {
        return Err(Error::invalid("proxy-target", "the address contains a user name"));
    }
    let stream = outbound.connect_to_host(authority.host(), authority.port_u16().unwrap_or(80)).await?;
    let to_broken_error = |cause: hyper::Error| {
        Error::unavailable(
            "outbound-broken",
            format!("the connection to {} was closed early", authority.host()),
        )
        .with_cause(cause)
    };
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(to_broken_error)?;
    // The connection's future must be polled while its request runs: the owner of the client connection
    // drives it.
    drop(connection_tasks.send(Box::pin(async move {
        // Errors of the connection appear in the response.
        let _ = connection.await;
    })));

    let host = HeaderValue::from_str(authority.as_str()).map_err(Error::internal)?;
    *request.version_mut() = Version::HTTP_11;
    *request.uri_mut() = to_origin_form(&uri)?;
    remove_hop_by_hop_headers(request.headers_mut());
    request.headers_mut().insert(header::HOST, host);
    let result = tokio::time::timeout(RESPONSE_TIMEOUT, sender.send_request(request)).await;
    let mut response = result
        .map_err(|_| {
            Error::new(
                ErrorKind::Timeout,
                "outbound-timeout",
                format!("{} did not respond in time", authority.host()),
            )
        })?
        .map_err(to_broken_error)?;
    remove_hop_by_hop_headers(response.headers_mut());
    Ok(response.map(BodyExt::boxed))
}

fn to_origin_form(uri: &Uri) -> Result<Uri> {
    uri.path_and_query().map_or("/", |path| path.as_str()).parse().map_err(Error::internal)
}

/// Removes hop-by-hop headers, including those that `Connection` names.
fn remove_hop_by_hop_headers(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in HOP_BY_HOP_HEADERS.iter().chain(&named) {
        headers.remove(name);
    }
}
