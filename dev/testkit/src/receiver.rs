//! A web server on the loopback interface that receives webhooks.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hearth_base::{Error, Result};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// A received request.
#[derive(Debug, Clone, Default)]
pub struct ReceivedRequest {
    /// The request line, with its line end.
    pub request_line: String,
    headers: Vec<(String, String)>,
    /// The body as text.
    pub body: String,
}

impl ReceivedRequest {
    /// The value of a header; empty if the header is missing.
    pub fn header_value(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }
}

/// The reply of a receiver.
#[derive(Debug, Clone)]
pub struct ReceiverReply {
    /// The status code and reason phrase.
    pub status: &'static str,
    /// Further header lines, each with its line end.
    pub headers: String,
    /// The body.
    pub body: String,
    /// The delay before the reply.
    pub delay: Duration,
    /// The number of bytes that Content-Length announces beyond the body, and that are never sent.
    pub missing_bytes: usize,
}

impl Default for ReceiverReply {
    fn default() -> Self {
        Self {
            status: "204 No Content",
            headers: String::new(),
            body: String::new(),
            delay: Duration::ZERO,
            missing_bytes: 0,
        }
    }
}

/// A web server that receives webhooks. It stops when this value is dropped.
pub struct WebhookReceiver {
    address: String,
    reply: Arc<Mutex<ReceiverReply>>,
    requests: Arc<Mutex<Vec<ReceivedRequest>>>,
    _server: JoinSet<()>,
}

impl WebhookReceiver {
    /// Starts a receiver that accepts every request.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Error::internal)?;
        let address = listener.local_addr().map_err(Error::internal)?.to_string();
        let (reply, requests) =
            (Arc::<Mutex<ReceiverReply>>::default(), Arc::<Mutex<Vec<ReceivedRequest>>>::default());
        let (shared_reply, shared_requests) = (reply.clone(), requests.clone());
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut answers = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let reply = shared_reply.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let requests = shared_requests.clone();
                answers.spawn(
                    async move { answer_request(stream, &reply, &requests).await.unwrap_or_default() },
                );
            }
        });
        Ok(Self { address, reply, requests, _server: server })
    }

    /// The address of the receiver, as `ADDRESS:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The URL of the receiver.
    pub fn url(&self) -> String {
        format!("http://{}/events?key=k3y", self.address)
    }

    /// Sets the reply to later requests.
    pub fn set_reply(&self, reply: ReceiverReply) {
        *self.reply.lock().unwrap_or_else(PoisonError::into_inner) = reply;
    }

    /// The requests received so far.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn answer_request(
    stream: TcpStream,
    reply: &ReceiverReply,
    requests: &Mutex<Vec<ReceivedRequest>>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut request = ReceivedRequest::default();
    stream.read_line(&mut request.request_line).await?;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        request.headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut body = vec![0; request.header_value("content-length").parse().unwrap_or(0)];
    stream.read_exact(&mut body).await?;
    request.body = String::from_utf8_lossy(&body).into_owned();
    requests.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    tokio::time::sleep(reply.delay).await;
    let ReceiverReply { status, headers, body, missing_bytes, .. } = reply;
    let head =
        format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len() + missing_bytes);
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.flush().await?;
    if *missing_bytes > 0 {
        // The connection stays open until the client closes it.
        stream.read_to_end(&mut Vec::new()).await?;
    }
    Ok(())
}
