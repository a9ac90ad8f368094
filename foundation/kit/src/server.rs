//! HTTP/1.1 server with graceful shutdown.

use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hearth_base::{Error, Result};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};

use crate::{
    body_drain,
    tasks::{BackgroundTasks, ShutdownSignal},
};

/// Maximum size of a request's head, in bytes. The last read may exceed it by up to the same amount.
const MAX_HEAD_BYTES: usize = 64 << 10;
/// Maximum number of concurrent connections; further ones wait until one closes.
const MAX_CONNECTIONS: usize = 8192;
/// Maximum time to receive a request's head, which includes the idle time of a kept-alive connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);

/// An open listening socket.
pub struct HttpListener {
    listener: TcpListener,
    address: SocketAddr,
}

impl HttpListener {
    /// Binds the address `listen`. Error `listen` (unavailable) names the cause and the `setting` to change.
    pub async fn open(listen: &str, setting: &str) -> Result<Self> {
        let listener = TcpListener::bind(listen).await.map_err(|cause| {
            let what = match cause.kind() {
                std::io::ErrorKind::AddrInUse => "another process uses the address".to_owned(),
                std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
                _ => cause.to_string(),
            };
            Error::unavailable("listen", format!("cannot listen on {listen}: {what}"))
                .help(format!("free the port, or choose another one with {setting}"))
                .with_cause(cause)
        })?;
        let address = listener.local_addr().map_err(Error::internal)?;
        Ok(Self { listener, address })
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Spawns a task that serves `router` until shutdown and then finishes the requests in flight.
    pub fn serve(self, tasks: &BackgroundTasks, name: &'static str, router: Router) {
        let stop = tasks.shutdown_signal();
        tasks.spawn(name, accept_connections(self.listener, router, stop, tasks.clone()));
    }
}

async fn accept_connections(
    listener: TcpListener,
    router: Router,
    stop: ShutdownSignal,
    tasks: BackgroundTasks,
) {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Some(Ok(permit)) = stop.run_until_shutdown(permits.clone().acquire_owned()).await else { return };
        match stop.run_until_shutdown(listener.accept()).await {
            None => return,
            Some(Ok((stream, peer))) => {
                let conversation = serve_connection(stream, peer, router.clone(), stop.clone(), permit);
                tasks.spawn("connection", conversation);
            }
            Some(Err(cause)) => {
                // Possibly out of file descriptors: wait until other connections close.
                tracing::warn!(%cause, "connection not accepted");
                stop.pause(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Address of the client's end of the connection, as a request extension. Absent on in-process requests.
#[derive(Debug, Clone, Copy)]
pub struct PeerAddress(pub SocketAddr);

/// Serves the requests of one connection. On shutdown the request in flight is finished and no further one is read.
async fn serve_connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    stop: ShutdownSignal,
    _permit: OwnedSemaphorePermit,
) {
    if let Err(cause) = stream.set_nodelay(true) {
        tracing::debug!(%cause, "TCP_NODELAY not set");
    }
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(PeerAddress(peer));
        body_drain::serve_request(router.clone(), request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.wait() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(cause) = ended {
        tracing::debug!(%cause, "connection interrupted");
    }
}
