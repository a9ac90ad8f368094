//! HTTP requests on behalf of users.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use hearth_base::{Error, ErrorKind, Result};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::BodyExt;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpInfo},
    rt::TokioExecutor,
};
use tokio::time::{Instant, timeout_at};

use super::{OutboundClient, OutboundConnector, connect::read_port, is_public_address};

/// Limits of a request.
#[derive(Debug, Clone, Copy)]
pub struct FetchLimits {
    /// Maximum size of the document in bytes.
    pub max_bytes: usize,
    /// Maximum duration of the request, including redirects.
    pub timeout: Duration,
}

/// Request for a document, with a method and headers of its own.
#[derive(Debug, Clone)]
pub struct DocumentRequest {
    /// `GET` or `HEAD`.
    pub method: Method,
    /// URL; it has no mirror.
    pub address: Uri,
    /// Headers. A credential in `Authorization` is sent to the origin of the URL only: a redirect to another scheme,
    /// host or port loses it.
    pub headers: HeaderMap,
}

impl DocumentRequest {
    /// Request of any document at a URL.
    pub fn get(address: Uri) -> Self {
        let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static("*/*"))]);
        Self { method: Method::GET, address, headers }
    }
}

/// Response to a request.
#[derive(Debug)]
pub struct FetchedDocument {
    /// Status of the last response.
    pub status: StatusCode,
    /// Headers of the last response.
    pub headers: HeaderMap,
    /// Body of the last response.
    pub content: Bytes,
    /// True when the last response came from a public address. A private one answers only by an exception of the
    /// operator, and its bodies may be meant for nobody outside.
    pub is_public: bool,
}

/// Returns true when a response came from a public address.
fn is_from_public_address(extensions: &http::Extensions) -> bool {
    extensions.get::<HttpInfo>().is_some_and(|info| is_public_address(info.remote_addr().ip()))
}

/// Response whose body is read in pieces, so that its memory does not grow with its size.
#[derive(Debug)]
pub struct DocumentStream {
    /// Status of the last response.
    pub status: StatusCode,
    /// Headers of the last response.
    pub headers: HeaderMap,
    /// True when the last response came from a public address.
    pub is_public: bool,
    body: hyper::body::Incoming,
    host: String,
    max_bytes: usize,
    read_bytes: usize,
    deadline: Instant,
}

impl DocumentStream {
    /// Reads the next piece of the body; `None` at its end. The limits of the request apply to the whole body.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>> {
        loop {
            let frame = timeout_at(self.deadline, self.body.frame()).await;
            let Some(frame) = frame.map_err(|_| build_timeout_error(&self.host))? else { return Ok(None) };
            let broken =
                |cause| Error::unavailable("outbound-broken", "the response ended early").with_cause(cause);
            let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
            self.read_bytes = self.read_bytes.saturating_add(data.len());
            if self.read_bytes > self.max_bytes {
                return Err(Error::unavailable(
                    "outbound-too-large",
                    format!("the response is too large; at most {} bytes", self.max_bytes),
                ));
            }
            return Ok(Some(data));
        }
    }
}

/// Value of `User-Agent`.
const USER_AGENT: HeaderValue = HeaderValue::from_static("hearth");
/// Maximum number of redirects that are followed.
const MAX_REDIRECTS: usize = 5;

impl OutboundClient {
    /// Fetches a document from a URL, or from its mirror. Every redirect target is checked like the first address.
    pub async fn fetch_document(&self, address: &Uri, limits: FetchLimits) -> Result<FetchedDocument> {
        let mut stream = self.open_document(address, limits).await?;
        let mut content = BytesMut::new();
        while let Some(chunk) = stream.next_chunk().await? {
            content.extend_from_slice(&chunk);
        }
        let DocumentStream { status, headers, is_public, .. } = stream;
        Ok(FetchedDocument { status, headers, content: content.freeze(), is_public })
    }

    /// Opens a document like [`Self::fetch_document`], without reading its body.
    pub async fn open_document(&self, address: &Uri, limits: FetchLimits) -> Result<DocumentStream> {
        let mirror = self.resolve_mirror(address);
        self.open_request(DocumentRequest::get(mirror.unwrap_or_else(|| address.clone())), limits).await
    }

    /// Sends a request like [`Self::open_document`], with a method and headers of its own and without mirrors.
    pub async fn open_request(
        &self,
        request: DocumentRequest,
        limits: FetchLimits,
    ) -> Result<DocumentStream> {
        self.open_following(request, MAX_REDIRECTS, limits).await
    }

    /// Sends a request like [`Self::open_request`], and returns a redirect instead of following it.
    pub async fn open_without_redirects(
        &self,
        request: DocumentRequest,
        limits: FetchLimits,
    ) -> Result<DocumentStream> {
        self.open_following(request, 0, limits).await
    }

    async fn open_following(
        &self,
        request: DocumentRequest,
        max_redirects: usize,
        limits: FetchLimits,
    ) -> Result<DocumentStream> {
        let host = request.address.host().unwrap_or_default().to_owned();
        let deadline = Instant::now() + limits.timeout;
        let response = timeout_at(deadline, self.request_with_redirects(request, max_redirects)).await;
        let (head, body) = response.map_err(|_| build_timeout_error(&host))??.into_parts();
        Ok(DocumentStream {
            status: head.status,
            headers: head.headers,
            is_public: is_from_public_address(&head.extensions),
            body,
            host,
            max_bytes: limits.max_bytes,
            read_bytes: 0,
            deadline,
        })
    }

    /// Sends a document to a URL by POST. Redirects are not followed. A response body that exceeds the limits is cut.
    pub async fn post_document(
        &self,
        address: &Uri,
        headers: HeaderMap,
        content: Bytes,
        limits: FetchLimits,
    ) -> Result<FetchedDocument> {
        let deadline = Instant::now() + limits.timeout;
        let request = async {
            check_scheme(address)?;
            let mut request =
                Request::post(address.clone()).body(Body::from(content)).map_err(Error::internal)?;
            *request.headers_mut() = headers;
            request.headers_mut().insert(header::USER_AGENT, USER_AGENT);
            self.build_http_client()?.request(request).await.map_err(|cause| to_fetch_error(address, cause))
        };
        let response = {
            let host = address.host().unwrap_or_default();
            timeout_at(deadline, request).await.unwrap_or_else(|_| Err(build_timeout_error(host)))?
        };
        let (head, content) = response.into_parts();
        let content = read_body_start(content, limits.max_bytes, deadline).await;
        let is_public = is_from_public_address(&head.extensions);
        Ok(FetchedDocument { status: head.status, headers: head.headers, content, is_public })
    }

    /// Checks that requests to a URL are allowed: scheme, host name, public address and port. Does not connect.
    pub async fn check_destination(&self, address: &Uri) -> Result<()> {
        check_scheme(address)?;
        let host = address.host().unwrap_or_default();
        self.resolve_addresses(host, read_port(address)).await.map(|_| ())
    }

    fn build_http_client(&self) -> Result<Client<HttpsConnector<OutboundConnector>, Body>> {
        let builder = HttpsConnectorBuilder::new().with_native_roots().map_err(|cause| {
            Error::unavailable("no-certificates", "this machine has no root certificates")
                .help("install the package ca-certificates")
                .with_cause(cause)
        })?;
        let connector = builder.https_or_http().enable_http1().wrap_connector(self.create_connector());
        Ok(Client::builder(TokioExecutor::new()).build(connector))
    }

    async fn request_with_redirects(
        &self,
        request: DocumentRequest,
        max_redirects: usize,
    ) -> Result<Response<hyper::body::Incoming>> {
        let DocumentRequest { method, mut address, mut headers } = request;
        headers.insert(header::USER_AGENT, USER_AGENT);
        let client = self.build_http_client()?;
        let mut left_origin = false;
        for _ in 0..=max_redirects {
            check_scheme(&address)?;
            let mut request = Request::new(Body::empty());
            *request.method_mut() = method.clone();
            *request.uri_mut() = address.clone();
            *request.headers_mut() = headers.clone();
            let mut response =
                client.request(request).await.map_err(|cause| to_fetch_error(&address, cause))?;
            let location = response.headers().get(header::LOCATION);
            let is_followed = max_redirects > 0 && response.status().is_redirection();
            let Some(location) = location.filter(|_| is_followed) else {
                if left_origin {
                    // Another server cannot ask for the credential of the one that redirected to it.
                    response.headers_mut().remove(header::WWW_AUTHENTICATE);
                }
                return Ok(response);
            };
            let target = resolve_redirect(&address, location)?;
            if !is_same_origin(&address, &target) {
                left_origin = true;
                headers.remove(header::AUTHORIZATION);
            }
            address = target;
        }
        Err(Error::unavailable("outbound-redirects", "the server redirects too often"))
    }
}

/// True for two URLs with the same scheme, host and port (RFC 6454).
fn is_same_origin(one: &Uri, other: &Uri) -> bool {
    let origin = |uri: &Uri| {
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        (uri.scheme_str().map(str::to_owned), host, read_port(uri))
    };
    origin(one) == origin(other)
}

fn build_timeout_error(host: &str) -> Error {
    Error::new(ErrorKind::Timeout, "outbound-timeout", format!("{host} did not respond in time"))
}

/// Checks that the scheme is HTTP or HTTPS and that the address names no user.
fn check_scheme(address: &Uri) -> Result<()> {
    let scheme = matches!(address.scheme_str(), Some("http" | "https"));
    let plain = address.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    if scheme && plain {
        return Ok(());
    }
    Err(Error::invalid(
        "outbound-address",
        "the address is not allowed; only http:// and https:// without a user name",
    ))
}

/// Reads the target of the redirect that a response to a request of `from` is; `None` for another response. Errors as when
/// the redirect is followed.
pub fn read_redirect_target(from: &Uri, response: &DocumentStream) -> Result<Option<Uri>> {
    let location = response.headers.get(header::LOCATION).filter(|_| response.status.is_redirection());
    location.map(|location| resolve_redirect(from, location)).transpose()
}

/// Resolves the target of a redirect (RFC 9110, section 10.2.2). A redirect from `https` to `http` is an error.
fn resolve_redirect(from: &Uri, location: &HeaderValue) -> Result<Uri> {
    let refused = || Error::unavailable("outbound-redirects", "the server redirects to an invalid address");
    let text = location.to_str().map_err(|_| refused())?;
    let text = text.split('#').next().unwrap_or(text);
    let target = if text.starts_with("//") {
        format!("{}:{text}", from.scheme_str().unwrap_or("https"))
    } else if text.starts_with('/') {
        let authority = from.authority().map_or("", |authority| authority.as_str());
        format!("{}://{authority}{text}", from.scheme_str().unwrap_or("https"))
    } else {
        text.to_owned()
    };
    let target: Uri = target.parse().map_err(|_| refused())?;
    if from.scheme_str() == Some("https") && target.scheme_str() != Some("https") {
        return Err(Error::unavailable("outbound-redirects", "the server redirects from https to http"));
    }
    Ok(target)
}

/// Reads the beginning of a body, up to `max_bytes` bytes and until `deadline`. Returns what was received on an error.
async fn read_body_start(mut content: hyper::body::Incoming, max_bytes: usize, deadline: Instant) -> Bytes {
    let mut read = BytesMut::new();
    while read.len() < max_bytes
        && let Ok(Some(Ok(frame))) = timeout_at(deadline, content.frame()).await
    {
        read.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
    }
    read.truncate(max_bytes);
    read.freeze()
}

/// Extracts Hearth's error from a client error, or converts it into `outbound-unreachable` (unavailable).
fn to_fetch_error(address: &Uri, cause: hyper_util::client::legacy::Error) -> Error {
    let mut inner: Option<&(dyn std::error::Error + 'static)> = Some(&cause);
    while let Some(error) = inner {
        if let Some(error) = error.downcast_ref::<Error>() {
            return error.clone();
        }
        inner = error.source();
    }
    let host = address.host().unwrap_or_default();
    Error::unavailable("outbound-unreachable", format!("{host} does not respond as a web server"))
        .with_cause(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirect_is_resolved_and_never_leaves_tls() {
        let from: Uri = "https://a.example/x/y".parse().unwrap();
        let to = |text: &'static str| {
            resolve_redirect(&from, &HeaderValue::from_static(text)).map(|uri| uri.to_string()).ok()
        };
        assert_eq!(to("/z#part").as_deref(), Some("https://a.example/z"));
        assert_eq!(to("//b.example/z").as_deref(), Some("https://b.example/z"));
        assert_eq!(to("https://c.example/").as_deref(), Some("https://c.example/"));
        assert_eq!(to("http://c.example/"), None);
        assert!(to("file:///etc/passwd").is_none());
    }

    #[test]
    fn origin_is_scheme_host_and_port() {
        let same = |one: &str, other: &str| is_same_origin(&one.parse().unwrap(), &other.parse().unwrap());
        assert!(same("https://a.example/x", "https://A.example:443/y"));
        for other in ["http://a.example/x", "https://a.example:8443/x", "https://b.example/x"] {
            assert!(!same("https://a.example/x", other), "{other}");
        }
    }
}
