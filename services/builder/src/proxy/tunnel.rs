//! CONNECT: a tunnel to a port of a host.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use hearth_base::{Error, Result};
use hearth_kit::outbound::Outbound;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::Instant,
};

use super::{Body, Carriers};

/// A tunnel through which nothing has gone for so long, either way, is closed.
const IDLE: Duration = Duration::from_secs(300);

/// Opens a tunnel. A refusal comes before anything is sent to anybody.
pub async fn tunnel(
    outbound: &Outbound,
    carriers: &Carriers,
    request: Request<Incoming>,
) -> Result<Response<Body>> {
    let refused = || Error::invalid("connect-target", "CONNECT takes HOST:PORT");
    let authority = request.uri().authority().ok_or_else(refused)?;
    let port = authority.port_u16().ok_or_else(refused)?;
    if authority.as_str().contains('@') {
        return Err(refused());
    }
    let server = outbound.connect(authority.host(), port).await?;
    let carrier = Box::pin(async move {
        let Ok(client) = hyper::upgrade::on(request).await else { return };
        let (client_in, client_out) = tokio::io::split(TokioIo::new(client));
        let (server_in, server_out) = server.into_split();
        let activity = Activity::new();
        tokio::join!(activity.carry(client_in, server_out), activity.carry(server_in, client_out));
    });
    // Whoever drives the connection is there as long as its requests are.
    drop(carriers.send(carrier));
    Ok(Response::new(Empty::new().map_err(|never| match never {}).boxed()))
}

/// When something last went through, in either direction.
struct Activity {
    began: Instant,
    last: AtomicU64,
}

impl Activity {
    fn new() -> Self {
        Self { began: Instant::now(), last: AtomicU64::new(0) }
    }

    fn note(&self) {
        self.last.store(self.began.elapsed().as_secs(), Ordering::Relaxed);
    }

    fn idle(&self) -> bool {
        let silent = self.began.elapsed().as_secs().saturating_sub(self.last.load(Ordering::Relaxed));
        silent >= IDLE.as_secs()
    }

    /// Carries bytes in one direction to their end.
    async fn carry(&self, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
        let mut buffer = vec![0; 16 << 10];
        loop {
            match tokio::time::timeout(IDLE, from.read(&mut buffer)).await {
                Err(_) if self.idle() => break,
                Err(_) => {}
                Ok(Ok(0) | Err(_)) => break,
                Ok(Ok(length)) => {
                    self.note();
                    let sent = tokio::time::timeout(IDLE, to.write_all(&buffer[..length])).await;
                    if !matches!(sent, Ok(Ok(()))) {
                        break;
                    }
                }
            }
        }
        // The other side may be gone already.
        let _ = to.shutdown().await;
    }
}
