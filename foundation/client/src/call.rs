//! Client and builder of requests.

use std::{fmt, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use hearth_base::{Error, ErrorKind, Result, Role};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, header};
use http_body_util::{BodyExt, Empty, Full};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    authority::Authority,
    refusal,
    transport::{Body, CallFuture, Transport, box_body},
};

/// Client of one service, or of all services through the gateway.
#[derive(Clone)]
pub struct Client {
    transport: Transport,
    authority: Arc<dyn Authority>,
    service: Role,
}

impl Client {
    /// Maximum size of a response that is read into memory.
    const MAX_RESPONSE_BYTES: usize = 64 << 20;

    /// Default time limit of a response; longer than any endpoint waits.
    const DEFAULT_TIMEOUT: Duration = Duration::from_secs(35);

    /// Creates a client of the gateway with this transport and authority.
    pub fn new(transport: Transport, authority: Arc<dyn Authority>) -> Self {
        Self::for_service(Role::Gateway, transport, authority)
    }

    /// Creates a client of one service.
    pub fn for_service(service: Role, transport: Transport, authority: Arc<dyn Authority>) -> Self {
        Self { transport, authority, service }
    }

    /// Returns a client with the same transport and another authority.
    pub fn with_authority(&self, authority: Arc<dyn Authority>) -> Self {
        Self { transport: self.transport.clone(), authority, service: self.service }
    }

    /// Starts a request for `path`. Use [`Call::segment`] for path segments from users.
    pub fn build_call(&self, method: Method, path: &str) -> Call<'_> {
        Call {
            client: self,
            method,
            path: path.to_owned(),
            headers: HeaderMap::new(),
            body: Ok(box_body(Empty::new())),
            timeout: Client::DEFAULT_TIMEOUT,
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({:?})", self.transport)
    }
}

/// Request builder.
pub struct Call<'a> {
    client: &'a Client,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Result<Body>,
    timeout: Duration,
}

impl<'a> Call<'a> {
    /// Appends a path segment, escaped: any text stays one segment.
    #[must_use]
    pub fn segment(mut self, segment: impl fmt::Display) -> Self {
        self.path.push('/');
        for byte in segment.to_string().bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => self.path.push(byte as char),
                // Dots are escaped too, because a segment of dots alone would change the path.
                other => self.path.push_str(&format!("%{other:02X}")),
            }
        }
        self
    }

    /// Appends a fixed text to the path.
    #[must_use]
    pub fn path_suffix(mut self, path: &str) -> Self {
        self.path.push_str(path);
        self
    }

    /// Adds query parameters. May be called several times.
    #[must_use]
    pub fn query(mut self, query: &impl Serialize) -> Self {
        match serde_html_form::to_string(query) {
            Ok(text) if text.is_empty() => {}
            Ok(text) => {
                self.path.push(if self.path.contains('?') { '&' } else { '?' });
                self.path.push_str(&text);
            }
            Err(cause) => self.body = Err(Error::internal(cause)),
        }
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        match HeaderValue::from_str(value) {
            Ok(value) => {
                self.headers.insert(name, value);
            }
            Err(_) => {
                self.body =
                    Err(Error::invalid("header-value", format!("{value:?} cannot be the value of {name}")));
            }
        }
        self
    }

    /// Sets the body to `content` as JSON.
    #[must_use]
    pub fn json(mut self, content: &impl Serialize) -> Self {
        self.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.body = self.body.and_then(|_| {
            let bytes = serde_json::to_vec(content).map_err(Error::internal)?;
            Ok(box_body(Full::new(Bytes::from(bytes))))
        });
        self
    }

    /// Sets the body to a stream.
    #[must_use]
    pub fn body(mut self, content: Body) -> Self {
        self.body = self.body.map(|_| content);
        self
    }

    /// Sets the time limit of the response.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the body to these bytes, with a media type.
    #[must_use]
    pub fn content_bytes(mut self, media_type: &str, content: impl Into<Bytes>) -> Self {
        self = self.header(header::CONTENT_TYPE, media_type);
        self.body = self.body.map(|_| box_body(Full::new(content.into())));
        self
    }

    /// Extends the default time limit of the response by `time`.
    pub(crate) fn extend_timeout(self, time: Duration) -> Self {
        self.timeout(time + Client::DEFAULT_TIMEOUT)
    }

    /// Sends the request and returns the response as a stream, with any status.
    pub async fn send_raw(self) -> Result<Response<Body>> {
        let content = self.body?;
        let uri: Uri = self.path.parse().map_err(|_| {
            Error::invalid("path", format!("{:?} cannot be the path of a request", self.path))
        })?;
        let mut request =
            Request::builder().method(self.method).uri(uri).body(content).map_err(Error::internal)?;
        *request.headers_mut() = self.headers;
        self.client.authority.authorize(self.client.service, request.headers_mut())?;
        self.client.transport.send(request).await
    }

    /// Sends the request and returns the response when it begins, its body as a stream; an error response
    /// becomes an error.
    pub async fn send_streaming(self) -> Result<Response<Body>> {
        let response = tokio::time::timeout(self.timeout, self.send_raw())
            .await
            .map_err(|_| build_timeout_error())??;
        let status = response.status();
        if status.is_success() || status == http::StatusCode::SWITCHING_PROTOCOLS {
            return Ok(response);
        }
        let content = tokio::time::timeout(Client::DEFAULT_TIMEOUT, read_to_end(response.into_body())).await;
        Err(refusal::parse_refusal(status, &content.map_err(|_| build_timeout_error())??))
    }

    /// Sends the request and reads the whole response; an error response becomes an error.
    pub fn fetch_bytes(self) -> CallFuture<'a, (HeaderMap, Bytes)> {
        Box::pin(async move {
            let timeout = self.timeout;
            let answer = async {
                let (head, content) = self.send_raw().await?.into_parts();
                Ok((head, read_to_end(content).await?))
            };
            let (head, content) =
                tokio::time::timeout(timeout, answer).await.map_err(|_| build_timeout_error())??;
            if !head.status.is_success() {
                return Err(refusal::parse_refusal(head.status, &content));
            }
            Ok((head.headers, content))
        })
    }

    /// Sends the request and decodes the response as JSON.
    pub async fn fetch_json<T: DeserializeOwned>(self) -> Result<T> {
        let (_, content) = self.fetch_bytes().await?;
        serde_json::from_slice(&content).map_err(|cause| {
            Error::unavailable("invalid-response", "the server's response has an unknown format")
                .help("check that the address belongs to a Hearth of a similar version")
                .with_cause(cause)
        })
    }

    /// Sends the request and decodes the `data` field of the response.
    pub async fn fetch_data<T: DeserializeOwned>(self) -> Result<T> {
        self.fetch_json::<hearth_wire::reply::Data<T>>().await.map(|answer| answer.data)
    }
}

fn build_timeout_error() -> Error {
    Error::new(ErrorKind::Timeout, "server-timeout", "the server did not respond in time")
}

/// Reads a body to its end.
async fn read_to_end(mut content: Body) -> Result<Bytes> {
    let broken = |cause| {
        Error::unavailable("response-incomplete", "the connection broke during the response")
            .with_cause(cause)
    };
    let mut read = BytesMut::new();
    while let Some(frame) = content.frame().await {
        let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
        if read.len() + data.len() > Client::MAX_RESPONSE_BYTES {
            return Err(Error::unavailable("response-too-large", "the response exceeds the size limit"));
        }
        read.extend_from_slice(&data);
    }
    Ok(read.freeze())
}
