//! Fetching a document for a user, and sending one.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use hearth_base::{Error, Kind, Result};
use http::{HeaderMap, Request, StatusCode, Uri, header};
use http_body_util::BodyExt;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::time::{Instant, timeout_at};

use super::{Dialer, Outbound, connect::port};

/// How much is read, and how long is waited.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most bytes of the document.
    pub size: usize,
    /// The most time for all of it, redirects included.
    pub time: Duration,
}

/// A document.
#[derive(Debug)]
pub struct Fetched {
    /// The status of the last answer.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// The content.
    pub content: Bytes,
}

/// The most redirects that are followed.
const REDIRECTS: usize = 5;

impl Outbound {
    /// Fetches what is at an address of the web, or at its mirror. Every redirect is looked at like the first address.
    pub async fn get(&self, address: &Uri, limits: Limits) -> Result<Fetched> {
        let mirror = self.mirror_of(address);
        let address = mirror.as_ref().unwrap_or(address);
        let fetched = tokio::time::timeout(limits.time, self.follow(address.clone(), limits.size)).await;
        fetched.unwrap_or_else(|_| Err(slow(address)))
    }

    /// Sends a document to an address of the web. A redirect is an answer like any other, and not followed; of an
    /// answer that is longer than the limits, the beginning is read: its status counts.
    pub async fn post(
        &self,
        address: &Uri,
        headers: HeaderMap,
        content: Bytes,
        limits: Limits,
    ) -> Result<Fetched> {
        let deadline = Instant::now() + limits.time;
        let sent = async {
            check(address)?;
            let mut request =
                Request::post(address.clone()).body(Body::from(content)).map_err(Error::internal)?;
            *request.headers_mut() = headers;
            request.headers_mut().insert(header::USER_AGENT, http::HeaderValue::from_static("hearth"));
            self.web()?.request(request).await.map_err(|cause| refusal(address, cause))
        };
        let answer = timeout_at(deadline, sent).await.unwrap_or_else(|_| Err(slow(address)))?;
        let (head, content) = answer.into_parts();
        let content = beginning(content, limits.size, deadline).await;
        Ok(Fetched { status: head.status, headers: head.headers, content })
    }

    /// Refuses an address that nothing is fetched from or sent to: another scheme, a private place, a host that is
    /// not there.
    pub async fn may_reach(&self, address: &Uri) -> Result<()> {
        check(address)?;
        let host = address.host().unwrap_or_default();
        self.addresses(host, port(address)).await.map(|_| ())
    }

    fn web(&self) -> Result<Client<HttpsConnector<Dialer>, Body>> {
        let rooted = HttpsConnectorBuilder::new().with_native_roots().map_err(|cause| {
            Error::unavailable("no-certificates", "this machine has no certificates to check servers with")
                .help("install the package ca-certificates")
                .because(cause)
        })?;
        let connector = rooted.https_or_http().enable_http1().wrap_connector(self.dialer());
        Ok(Client::builder(TokioExecutor::new()).build(connector))
    }

    async fn follow(&self, mut address: Uri, size: usize) -> Result<Fetched> {
        let client = self.web()?;
        for _ in 0..=REDIRECTS {
            check(&address)?;
            let request = Request::get(address.clone())
                .header(header::USER_AGENT, "hearth")
                .header(header::ACCEPT, "*/*")
                .body(Body::empty())
                .map_err(Error::internal)?;
            let answer = client.request(request).await.map_err(|cause| refusal(&address, cause))?;
            let (head, content) = answer.into_parts();
            match head.headers.get(header::LOCATION).filter(|_| head.status.is_redirection()) {
                Some(location) => address = next(&address, location)?,
                None => {
                    let content = whole(content, size).await?;
                    return Ok(Fetched { status: head.status, headers: head.headers, content });
                }
            }
        }
        Err(Error::unavailable("outbound-redirects", "it is redirected again and again"))
    }
}

fn slow(address: &Uri) -> Error {
    let host = address.host().unwrap_or_default();
    Error::new(Kind::Timeout, "outbound-slow", format!("{host} did not answer in time"))
}

fn check(address: &Uri) -> Result<()> {
    let scheme = matches!(address.scheme_str(), Some("http" | "https"));
    let plain = address.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    if scheme && plain {
        return Ok(());
    }
    Err(Error::invalid("outbound-address", "only plain http:// and https:// addresses are fetched"))
}

/// Where a redirect leads (RFC 9110, section 10.2.2); never from TLS to the open.
fn next(from: &Uri, location: &http::HeaderValue) -> Result<Uri> {
    let refused = || Error::unavailable("outbound-redirects", "it is redirected to what is no address");
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
        return Err(Error::unavailable("outbound-redirects", "it is redirected from https to an open line"));
    }
    Ok(target)
}

async fn whole(mut content: hyper::body::Incoming, most: usize) -> Result<Bytes> {
    let mut read = BytesMut::new();
    while let Some(frame) = content.frame().await {
        let broken = |cause| Error::unavailable("outbound-broken", "the answer broke off").because(cause);
        let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
        if read.len() + data.len() > most {
            return Err(Error::unavailable(
                "outbound-too-large",
                format!("the answer is longer than {most} bytes"),
            ));
        }
        read.extend_from_slice(&data);
    }
    Ok(read.freeze())
}

/// As much of an answer as may be read; of one that breaks off or takes too long, what came.
async fn beginning(mut content: hyper::body::Incoming, most: usize, deadline: Instant) -> Bytes {
    let mut read = BytesMut::new();
    while read.len() < most
        && let Ok(Some(Ok(frame))) = timeout_at(deadline, content.frame()).await
    {
        read.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
    }
    read.truncate(most);
    read.freeze()
}

/// The refusal of the way out that is inside a client's error, or one that says that the server is in the way.
fn refusal(address: &Uri, cause: hyper_util::client::legacy::Error) -> Error {
    let mut inner: Option<&(dyn std::error::Error + 'static)> = Some(&cause);
    while let Some(error) = inner {
        if let Some(error) = error.downcast_ref::<Error>() {
            return error.clone();
        }
        inner = error.source();
    }
    let host = address.host().unwrap_or_default();
    Error::unavailable("outbound-unreachable", format!("{host} does not answer as a web server"))
        .because(cause)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn a_redirect_never_leaves_tls_and_keeps_its_place() {
        let from: Uri = "https://a.example/x/y".parse().unwrap();
        let to =
            |text: &'static str| next(&from, &HeaderValue::from_static(text)).map(|uri| uri.to_string()).ok();
        assert_eq!(to("/z#part").as_deref(), Some("https://a.example/z"));
        assert_eq!(to("//b.example/z").as_deref(), Some("https://b.example/z"));
        assert_eq!(to("https://c.example/").as_deref(), Some("https://c.example/"));
        assert_eq!(to("http://c.example/"), None);
        assert!(to("file:///etc/passwd").is_none());
    }
}
