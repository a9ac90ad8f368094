//! Listening, and stopping without dropping anybody.

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
    lingering,
    tasks::{Stop, Tasks},
};

/// A request whose head is longer, in bytes, is refused. The last piece that is read before that may double it.
const HEAD_SIZE: usize = 64 << 10;
/// The most connections at one time; more wait until one ends.
const CONNECTIONS: usize = 8192;
/// How long a request's head may take to arrive, and an idle connection to send the next.
const HEAD_PATIENCE: Duration = Duration::from_secs(60);

/// A socket that is open, with the router that will answer on it.
pub struct Listening {
    listener: TcpListener,
    address: SocketAddr,
}

impl Listening {
    /// Opens `listen`. A port that is taken is an error that says whose.
    pub async fn open(listen: &str, setting: &str) -> Result<Self> {
        let listener = TcpListener::bind(listen).await.map_err(|cause| {
            let what = match cause.kind() {
                std::io::ErrorKind::AddrInUse => "another program listens there".to_owned(),
                std::io::ErrorKind::PermissionDenied => "this user may not listen there".to_owned(),
                _ => cause.to_string(),
            };
            Error::unavailable("listen", format!("{listen} cannot be listened on: {what}"))
                .help(format!("free that port, or choose another one with {setting}"))
                .because(cause)
        })?;
        let address = listener.local_addr().map_err(Error::internal)?;
        Ok(Self { listener, address })
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers with `router` until it is time to stop, then ends what is under way.
    pub fn serve(self, tasks: &Tasks, name: &'static str, router: Router) {
        let stop = tasks.stop_sign();
        tasks.start(name, accept(self.listener, router, stop, tasks.clone()));
    }
}

async fn accept(listener: TcpListener, router: Router, stop: Stop, tasks: Tasks) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Some(Ok(place)) = stop.unless(places.clone().acquire_owned()).await else { return };
        match stop.unless(listener.accept()).await {
            None => return,
            Some(Ok((stream, peer))) => {
                let conversation = converse(stream, peer, router.clone(), stop.clone(), place);
                tasks.start("connection", conversation);
            }
            Some(Err(cause)) => {
                // Out of descriptors, perhaps: others will be given back.
                tracing::warn!(%cause, "a connection was not accepted");
                stop.pause(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Who is at the other end of the connection that a request came by. Only what came by one has it.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// Answers the requests of one connection. At the stop the one under way is answered, and no more are read.
async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    stop: Stop,
    _place: OwnedSemaphorePermit,
) {
    if let Err(cause) = stream.set_nodelay(true) {
        tracing::debug!(%cause, "a connection keeps its delay");
    }
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        lingering::answer(router.clone(), request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(HEAD_SIZE)
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
        tracing::debug!(%cause, "a connection broke off");
    }
}
