//! Connections to tools, kept for a moment between two requests.

use std::time::Duration;

use axum::{body::Body as Answer, http::Request, response::Response};
use hyper_util::{
    client::legacy::{Client, Error, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

use crate::body::Lent;

/// How long a connection waits for the next request: less than programs usually keep theirs, for one that the
/// program has just closed costs a visitor their request.
const IDLE: Duration = Duration::from_millis(1500);
/// The most connections to one instance that wait.
const WAITING: usize = 32;

/// Connections to tools.
pub struct Pool(Client<HttpConnector, Lent>);

impl Pool {
    /// A pool whose connections are made within `patience`.
    pub fn new(patience: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(patience));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(WAITING)
            .http1_max_headers(256)
            .http1_max_buf_size(256 << 10)
            .set_host(false)
            .build(connector);
        Self(client)
    }

    /// Sends a request, and gives the answer as soon as it begins.
    pub async fn send(&self, request: Request<Lent>) -> Result<Response, Error> {
        self.0.request(request).await.map(|response| response.map(Answer::new))
    }
}
