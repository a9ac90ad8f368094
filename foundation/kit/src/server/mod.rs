//! HTTP/1.1 server with limits for connections, and graceful shutdown.

mod body_drain;
mod connections;
mod guarded_stream;
mod stall;

use std::{
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{Response, StatusCode},
};
use hearth_base::{Error, Result};
use hyper::{
    body::{Frame, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

pub use self::{
    body_drain::{SLOW_BODY_CODE, find_slow_body_error},
    connections::{AddressBlock, ConnectionLimits, fit_to_open_files},
};
use self::{
    connections::{BusyGuard, ConnectionPermit, ConnectionTable, TooManyConnections},
    guarded_stream::GuardedStream,
};
use crate::tasks::{BackgroundTasks, ShutdownSignal};

/// Maximum size of a request's head, in bytes. The last read may exceed it by up to the same amount.
const MAX_HEAD_BYTES: usize = 64 << 10;
/// Response to a connection beyond the limits. It is written without waiting, so that it costs nothing.
const BUSY_RESPONSE: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 5\r\n\
    content-type: text/plain; charset=utf-8\r\ncontent-length: 83\r\n\r\n\
    Too many open connections [too-many-connections]\nClose some, or try again shortly.\n";

/// An open listening socket.
pub struct HttpListener {
    listener: TcpListener,
    address: SocketAddr,
    limits: ConnectionLimits,
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
        Ok(Self { listener, address, limits: ConnectionLimits::default() })
    }

    /// Sets the limits of connections. The default suits peers that are parts of Hearth.
    #[must_use]
    pub fn with_limits(mut self, limits: ConnectionLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Spawns a task that serves `router` until shutdown and then finishes the requests in flight.
    pub fn serve(self, tasks: &BackgroundTasks, name: &'static str, router: Router) {
        let acceptor = Acceptor {
            table: Arc::new(ConnectionTable::new(self.limits)),
            router,
            stop: tasks.shutdown_signal(),
            tasks: tasks.clone(),
        };
        tasks.spawn(name, acceptor.accept_connections(self.listener));
    }
}

/// Accepts the connections of one listener.
struct Acceptor {
    table: Arc<ConnectionTable>,
    router: Router,
    stop: ShutdownSignal,
    tasks: BackgroundTasks,
}

impl Acceptor {
    async fn accept_connections(self, listener: TcpListener) {
        loop {
            match self.stop.run_until_shutdown(listener.accept()).await {
                None => return,
                Some(Ok((stream, peer))) => match self.table.admit_connection(peer.ip()) {
                    Ok(permit) => {
                        let serving = serve_connection(
                            stream,
                            peer,
                            self.router.clone(),
                            self.stop.clone(),
                            Arc::new(permit),
                        );
                        self.tasks.spawn("connection", serving);
                    }
                    Err(TooManyConnections) => refuse_connection(&stream),
                },
                Some(Err(cause)) => {
                    // Possibly out of file descriptors: wait until other connections close.
                    tracing::warn!(%cause, "connection not accepted");
                    self.stop.pause(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

/// Refuses a connection. The request is read first, because closing a socket with unread bytes resets the connection,
/// and the client would not see the response.
fn refuse_connection(stream: &TcpStream) {
    let mut request = [0; 4096];
    let _nothing_to_read = stream.try_read(&mut request);
    if let Err(cause) = stream.try_write(BUSY_RESPONSE) {
        tracing::debug!(%cause, "refusal of a connection not written");
    }
}

/// Address of the client's end of the connection, as a request extension. Absent on in-process requests.
#[derive(Debug, Clone, Copy)]
pub struct PeerAddress(pub SocketAddr);

/// The connection of a request, as a request extension. Absent on in-process requests.
#[derive(Debug, Clone)]
pub struct ConnectionHandle {
    close: CancellationToken,
    closed: CancellationToken,
}

impl ConnectionHandle {
    /// Closes the connection, also after an upgrade to another protocol.
    pub fn close(&self) {
        self.close.cancel();
    }

    /// Waits until the connection is closed.
    pub async fn wait_until_closed(&self) {
        self.closed.cancelled().await;
    }
}

/// Serves the requests of one connection. On shutdown the request in flight is finished and no further one is read.
async fn serve_connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    stop: ShutdownSignal,
    permit: Arc<ConnectionPermit>,
) {
    if let Err(cause) = stream.set_nodelay(true) {
        tracing::debug!(%cause, "TCP_NODELAY not set");
    }
    let (close, limits) = (permit.close_token(), permit.connection_limits().clone());
    let guarded = GuardedStream::new(stream, permit.clone());
    let handle = ConnectionHandle { close: close.clone(), closed: guarded.closed_token() };
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(PeerAddress(peer));
        request.extensions_mut().insert(handle.clone());
        serve_request(router.clone(), request, permit.clone())
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(guarded), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = close.cancelled() => return,
        () = stop.wait() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(cause) = ended {
        tracing::debug!(%cause, "connection interrupted");
    }
}

/// Serves one request. Until its response was written, its connection is busy: it is not closed in favor of another.
async fn serve_request(
    router: Router,
    request: hyper::Request<hyper::body::Incoming>,
    permit: Arc<ConnectionPermit>,
) -> Result<Response<Body>, TooManyConnections> {
    let stall_timeout = permit.connection_limits().stall_timeout;
    let busy = BusyGuard::new(permit).ok_or(TooManyConnections)?;
    let response = match body_drain::serve_request(router, request, stall_timeout).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        // The connection is busy until it closes.
        busy.keep_busy();
        return Ok(response);
    }
    Ok(response.map(|body| hold_until_body_end(body, busy)))
}

/// Holds a guard until a body has ended or was dropped.
pub fn hold_until_body_end(body: Body, guard: impl Send + Unpin + 'static) -> Body {
    Body::new(GuardedBody { inner: body, _guard: guard })
}

/// A body that holds a guard until it is dropped.
struct GuardedBody<G> {
    inner: Body,
    _guard: G,
}

impl<G: Unpin> hyper::body::Body for GuardedBody<G> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
