//! Requests for plain HTTP, in the absolute form that proxies take.

use std::time::Duration;

use hearth_base::{Error, Kind, Result};
use hearth_kit::outbound::Outbound;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri, Version, header, uri::Scheme};
use http_body_util::BodyExt;
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;

use super::{Body, Carriers};

/// How long an answer may take to begin.
const PATIENCE: Duration = Duration::from_secs(120);

/// Headers that are about one connection only (RFC 9110, section 7.6.1).
const NOT_PASSED_ON: [HeaderName; 9] = [
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

/// Passes a request on, and the answer back as it comes. Redirects are the client's affair: it comes here again.
pub async fn forward(
    outbound: &Outbound,
    carriers: &Carriers,
    mut request: Request<Incoming>,
) -> Result<Response<Body>> {
    let uri = request.uri().clone();
    let authority = uri.authority().filter(|_| uri.scheme() == Some(&Scheme::HTTP)).ok_or_else(|| {
        Error::invalid(
            "proxy-target",
            "this is a proxy: it takes http:// addresses, and CONNECT for https://",
        )
    })?;
    if authority.as_str().contains('@') {
        return Err(Error::invalid("proxy-target", "an address with a user name is not passed on"));
    }
    let stream = outbound.connect(authority.host(), authority.port_u16().unwrap_or(80)).await?;
    let gone = |cause: hyper::Error| {
        Error::unavailable("outbound-broken", format!("{} broke off", authority.host())).because(cause)
    };
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(gone)?;
    // Whoever drives the connection is there as long as its requests are.
    drop(carriers.send(Box::pin(async move {
        // How it ended is told by the answer.
        let _ = connection.await;
    })));

    let host = HeaderValue::from_str(authority.as_str()).map_err(Error::internal)?;
    *request.version_mut() = Version::HTTP_11;
    *request.uri_mut() = origin(&uri)?;
    strip(request.headers_mut());
    request.headers_mut().insert(header::HOST, host);
    let answered = tokio::time::timeout(PATIENCE, sender.send_request(request)).await;
    let mut response = answered
        .map_err(|_| {
            Error::new(Kind::Timeout, "outbound-slow", format!("{} did not answer in time", authority.host()))
        })?
        .map_err(gone)?;
    strip(response.headers_mut());
    Ok(response.map(BodyExt::boxed))
}

fn origin(uri: &Uri) -> Result<Uri> {
    uri.path_and_query().map_or("/", |path| path.as_str()).parse().map_err(Error::internal)
}

/// Removes what is about the connection, also what `Connection` itself names.
fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in NOT_PASSED_ON.iter().chain(&named) {
        headers.remove(name);
    }
}
