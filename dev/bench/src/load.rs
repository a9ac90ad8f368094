//! Load generator: requests over keep-alive connections, each sent as soon as the previous one is answered.

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

/// Server and request of the load.
#[derive(Debug, Clone)]
pub struct LoadTarget {
    /// `ADDRESS:PORT`.
    pub address: String,
    /// Path of the request.
    pub path: String,
    /// Value of the `Authorization` header.
    pub authorization: String,
}

/// Sends `requests` requests over `connections` connections, and returns their durations. An answer other
/// than 200 is an error.
pub async fn run_load(target: &LoadTarget, connections: usize, requests: usize) -> Result<Vec<Duration>> {
    let target = Arc::new(target.clone());
    let sent = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let (target, sent) = (target.clone(), sent.clone());
        tasks.spawn(async move {
            let stream = TcpStream::connect(&target.address).await.map_err(Error::internal)?;
            stream.set_nodelay(true).map_err(Error::internal)?;
            let (sender, connection) =
                http1::handshake(TokioIo::new(stream)).await.map_err(Error::internal)?;
            let (times, _closed) = tokio::join!(send_share(sender, &target, &sent, requests), connection);
            times
        });
    }
    let mut times = Vec::with_capacity(requests);
    while let Some(ended) = tasks.join_next().await {
        times.extend(ended.map_err(Error::internal)??);
    }
    Ok(times)
}

/// Sends requests over one connection until all connections together have sent `requests`.
async fn send_share(
    mut sender: SendRequest<Empty<Bytes>>,
    target: &LoadTarget,
    sent: &AtomicUsize,
    requests: usize,
) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    while sent.fetch_add(1, Ordering::Relaxed) < requests {
        let began = Instant::now();
        send_request(&mut sender, target).await?;
        times.push(began.elapsed());
    }
    Ok(times)
}

/// Sends one request and returns the body of the answer.
async fn send_request(sender: &mut SendRequest<Empty<Bytes>>, target: &LoadTarget) -> Result<Bytes> {
    let request = Request::get(&target.path)
        .header(header::HOST, &target.address)
        .header(header::AUTHORIZATION, &target.authorization)
        .body(Empty::new())
        .map_err(Error::internal)?;
    sender.ready().await.map_err(Error::internal)?;
    let answer = sender.send_request(request).await.map_err(Error::internal)?;
    let status = answer.status();
    let content = answer.into_body().collect().await.map_err(Error::internal)?.to_bytes();
    match status.as_u16() {
        200 => Ok(content),
        other => Err(Error::internal(format!("{} answered {other}", target.address))),
    }
}
