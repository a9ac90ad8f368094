//! CONNECT: a tunnel to a port of a host.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use hearth_base::{Error, Result};
use hearth_kit::outbound::OutboundClient;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::Instant,
};

use super::{ConnectionTasks, ProxyBody};

/// A tunnel without traffic in either direction for this time is closed.
const TUNNEL_IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// Opens a tunnel. An invalid or refused target is an error before anything is sent.
pub async fn open_tunnel(
    outbound: &OutboundClient,
    connection_tasks: &ConnectionTasks,
    request: Request<Incoming>,
) -> Result<Response<ProxyBody>> {
    let refused = || Error::invalid("connect-target", "the target of CONNECT is invalid; expected HOST:PORT");
    let authority = request.uri().authority().ok_or_else(refused)?;
    let port = authority.port_u16().ok_or_else(refused)?;
    if authority.as_str().contains('@') {
        return Err(refused());
    }
    let server = outbound.connect_to_host(authority.host(), port).await?;
    let task = Box::pin(async move {
        let Ok(client) = hyper::upgrade::on(request).await else { return };
        let (client_in, client_out) = tokio::io::split(TokioIo::new(client));
        let (server_in, server_out) = server.into_split();
        let activity = TunnelActivity::new();
        tokio::join!(
            activity.copy_stream(client_in, server_out),
            activity.copy_stream(server_in, client_out)
        );
    });
    // The owner of the client connection runs the task.
    drop(connection_tasks.send(task));
    Ok(Response::new(Empty::new().map_err(|never| match never {}).boxed()))
}

/// Time of the last traffic in either direction.
struct TunnelActivity {
    began: Instant,
    last: AtomicU64,
}

impl TunnelActivity {
    fn new() -> Self {
        Self { began: Instant::now(), last: AtomicU64::new(0) }
    }

    fn record_activity(&self) {
        self.last.store(self.began.elapsed().as_secs(), Ordering::Relaxed);
    }

    fn is_idle(&self) -> bool {
        let idle_seconds = self.began.elapsed().as_secs().saturating_sub(self.last.load(Ordering::Relaxed));
        idle_seconds >= TUNNEL_IDLE_TIMEOUT.as_secs()
    }

    /// Copies bytes in one direction until its end, an error, or an idle tunnel.
    async fn copy_stream(&self, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
        let mut buffer = vec![0; 16 << 10];
        loop {
            match tokio::time::timeout(TUNNEL_IDLE_TIMEOUT, from.read(&mut buffer)).await {
                Err(_) if self.is_idle() => break,
                Err(_) => {}
                Ok(Ok(0) | Err(_)) => break,
                Ok(Ok(length)) => {
                    self.record_activity();
                    let sent =
                        tokio::time::timeout(TUNNEL_IDLE_TIMEOUT, to.write_all(&buffer[..length])).await;
                    if !matches!(sent, Ok(Ok(()))) {
                        break;
                    }
                }
            }
        }
        // The other side may have closed already.
        let _ = to.shutdown().await;
    }
}
