//! Requests over connections that are kept, as many as wanted and as quick as they are answered.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use hearth_base::{Error, Result};
use http::{Request, header};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinSet};

/// What is asked for, and where.
#[derive(Debug, Clone)]
pub struct Target {
    /// `ADDRESS:PORT`.
    pub place: String,
    /// The path.
    pub path: String,
    /// What the `Authorization` header holds.
    pub authorization: String,
}

/// Sends so many requests over so many connections. How long each took; all are answered with 200.
pub async fn run(target: &Target, connections: usize, requests: usize) -> Result<Vec<Duration>> {
    let target = Arc::new(target.clone());
    let sent = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let (target, sent) = (target.clone(), sent.clone());
        tasks.spawn(async move {
            let stream = TcpStream::connect(&target.place).await.map_err(Error::internal)?;
            stream.set_nodelay(true).map_err(Error::internal)?;
            let (sender, connection) =
                http1::handshake(TokioIo::new(stream)).await.map_err(Error::internal)?;
            let (times, _closed) = tokio::join!(share(sender, &target, &sent, requests), connection);
            times
        });
    }
    let mut times = Vec::with_capacity(requests);
    while let Some(ended) = tasks.join_next().await {
        times.extend(ended.map_err(Error::internal)??);
    }
    Ok(times)
}

/// One connection's share of the requests.
async fn share(
    mut sender: SendRequest<Empty<Bytes>>,
    target: &Target,
    sent: &AtomicUsize,
    requests: usize,
) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    while sent.fetch_add(1, Ordering::Relaxed) < requests {
        let began = Instant::now();
        ask(&mut sender, target).await?;
        times.push(began.elapsed());
    }
    Ok(times)
}

/// One request. What was answered.
async fn ask(sender: &mut SendRequest<Empty<Bytes>>, target: &Target) -> Result<Bytes> {
    let request = Request::get(&target.path)
        .header(header::HOST, &target.place)
        .header(header::AUTHORIZATION, &target.authorization)
        .body(Empty::new())
        .map_err(Error::internal)?;
    sender.ready().await.map_err(Error::internal)?;
    let answer = sender.send_request(request).await.map_err(Error::internal)?;
    let status = answer.status();
    let content = answer.into_body().collect().await.map_err(Error::internal)?.to_bytes();
    match status.as_u16() {
        200 => Ok(content),
        other => Err(Error::internal(format!("{} answered {other}", target.place))),
    }
}
