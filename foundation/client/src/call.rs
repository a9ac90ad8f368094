//! One request, put together step by step.

use std::{fmt, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use hearth_base::{Error, Kind, Result, Role};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, header};
use http_body_util::{BodyExt, Empty, Full};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    authority::Authority,
    refusal,
    transport::{Answering, Body, Transport, body},
};

/// Calls one service, or at the door all of them.
#[derive(Clone)]
pub struct Client {
    transport: Transport,
    authority: Arc<dyn Authority>,
    service: Role,
}

impl Client {
    /// The most of an answer that is read into memory.
    const ANSWER_LIMIT: usize = 64 << 20;

    /// How long an answer may take, longer than any endpoint waits.
    const PATIENCE: Duration = Duration::from_secs(35);

    /// A client of the door that sends by `transport` and shows what `authority` holds.
    pub fn new(transport: Transport, authority: Arc<dyn Authority>) -> Self {
        Self::of(Role::Gateway, transport, authority)
    }

    /// A client of one service.
    pub fn of(service: Role, transport: Transport, authority: Arc<dyn Authority>) -> Self {
        Self { transport, authority, service }
    }

    /// The same way of travelling with something else to show.
    pub fn showing(&self, authority: Arc<dyn Authority>) -> Self {
        Self { transport: self.transport.clone(), authority, service: self.service }
    }

    /// A request for `path`. Segments that come from people are added
    /// by [`Call::segment`].
    pub fn call(&self, method: Method, path: &str) -> Call<'_> {
        Call {
            client: self,
            method,
            path: path.to_owned(),
            headers: HeaderMap::new(),
            body: Ok(body(Empty::new())),
            patience: Client::PATIENCE,
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({:?})", self.transport)
    }
}

/// A request being put together.
pub struct Call<'a> {
    client: &'a Client,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Result<Body>,
    patience: Duration,
}

impl<'a> Call<'a> {
    /// Adds a segment to the path, escaped: whatever it holds, it stays one segment.
    #[must_use]
    pub fn segment(mut self, segment: impl fmt::Display) -> Self {
        self.path.push('/');
        for byte in segment.to_string().bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => self.path.push(byte as char),
                // A segment of dots alone would be a step in the path.
                other => self.path.push_str(&format!("%{other:02X}")),
            }
        }
        self
    }

    /// Adds what is fixed to the path.
    #[must_use]
    pub fn then(mut self, path: &str) -> Self {
        self.path.push_str(path);
        self
    }

    /// Adds query parameters. May be called more than once.
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

    /// Sends `content` as JSON.
    #[must_use]
    pub fn json(mut self, content: &impl Serialize) -> Self {
        self.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.body = self.body.and_then(|_| {
            let bytes = serde_json::to_vec(content).map_err(Error::internal)?;
            Ok(body(Full::new(Bytes::from(bytes))))
        });
        self
    }

    /// Sends `content` as it comes.
    #[must_use]
    pub fn body(mut self, content: Body) -> Self {
        self.body = self.body.map(|_| content);
        self
    }

    /// Waits longer, or less long, for the answer.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Sends these bytes, which are what `media_type` says.
    #[must_use]
    pub fn content(mut self, media_type: &str, content: impl Into<Bytes>) -> Self {
        self = self.header(header::CONTENT_TYPE, media_type);
        self.body = self.body.map(|_| body(Full::new(content.into())));
        self
    }

    /// Waits for the answer as long as usual, and this much longer.
    pub(crate) fn wait_longer(self, time: Duration) -> Self {
        self.patience(time + Client::PATIENCE)
    }

    /// Sends the request and gives the answer as it comes, whatever its status.
    pub async fn raw(self) -> Result<Response<Body>> {
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

    /// Sends the request and gives the answer as soon as it begins, its body as it comes; a refusal becomes an
    /// error.
    pub async fn streamed(self) -> Result<Response<Body>> {
        let began = tokio::time::timeout(self.patience, self.raw()).await.map_err(|_| no_answer())??;
        let status = began.status();
        if status.is_success() || status == http::StatusCode::SWITCHING_PROTOCOLS {
            return Ok(began);
        }
        let content = tokio::time::timeout(Client::PATIENCE, whole(began.into_body())).await;
        Err(refusal::read(status, &content.map_err(|_| no_answer())??))
    }

    /// Sends the request and reads the whole answer; a refusal becomes an error.
    pub fn bytes(self) -> Answering<'a, (HeaderMap, Bytes)> {
        Box::pin(async move {
            let patience = self.patience;
            let answer = async {
                let (head, content) = self.raw().await?.into_parts();
                Ok((head, whole(content).await?))
            };
            let (head, content) = tokio::time::timeout(patience, answer).await.map_err(|_| no_answer())??;
            if !head.status.is_success() {
                return Err(refusal::read(head.status, &content));
            }
            Ok((head.headers, content))
        })
    }

    /// Sends the request and reads the answer as JSON.
    pub async fn answer<T: DeserializeOwned>(self) -> Result<T> {
        let (_, content) = self.bytes().await?;
        serde_json::from_slice(&content).map_err(|cause| {
            Error::unavailable("strange-answer", "the server's answer is not what Hearth says")
                .help("check that the address is that of a Hearth of about this version")
                .because(cause)
        })
    }

    /// Sends the request and reads the `data` of the answer.
    pub async fn data<T: DeserializeOwned>(self) -> Result<T> {
        self.answer::<hearth_wire::reply::Data<T>>().await.map(|answer| answer.data)
    }
}

fn no_answer() -> Error {
    Error::new(Kind::Timeout, "no-answer", "the server did not answer in time")
}

/// Reads a body to its end.
async fn whole(mut content: Body) -> Result<Bytes> {
    let broken = |cause| Error::unavailable("answer-broken", "the answer broke off").because(cause);
    let mut read = BytesMut::new();
    while let Some(frame) = content.frame().await {
        let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
        if read.len() + data.len() > Client::ANSWER_LIMIT {
            return Err(Error::unavailable("answer-too-large", "the answer is larger than any of Hearth's"));
        }
        read.extend_from_slice(&data);
    }
    Ok(read.freeze())
}
