//! Upstream server of a measured proxy: it answers every request with the same body.

use std::{convert::Infallible, net::SocketAddr};

use bytes::Bytes;
use hearth_base::{Error, Result};
use http::{Response, header};
use http_body_util::Full;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinSet};

/// Upstream server. It is stopped when this value is dropped.
pub struct UpstreamServer {
    address: SocketAddr,
    _server: JoinSet<()>,
}

impl UpstreamServer {
    /// Starts the server, which answers every request with this JSON.
    pub async fn start(answer: Bytes) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Error::internal)?;
        let address = listener.local_addr().map_err(Error::internal)?;
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let answer = answer.clone();
                connections.spawn(async move {
                    let service = service_fn(|_| {
                        let mut response = Response::new(Full::new(answer.clone()));
                        let json = http::HeaderValue::from_static("application/json");
                        response.headers_mut().insert(header::CONTENT_TYPE, json);
                        async { Ok::<_, Infallible>(response) }
                    });
                    let _closed = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Ok(Self { address, _server: server })
    }

    /// Address where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
