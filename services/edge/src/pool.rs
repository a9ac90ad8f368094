//! Pool of connections to tools' instances.

use std::time::Duration;

use axum::{body::Body as Answer, http::Request, response::Response};
use hyper_util::{
    client::legacy::{Client, Error, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

use crate::request_body::SharedBodyReader;

/// Time after which an idle connection is closed. It is shorter than the keep-alive time of common servers,
/// because a request on a connection that the server has just closed fails.
const IDLE_TIMEOUT: Duration = Duration::from_millis(1500);
/// Maximum number of idle connections to one instance.
const MAX_IDLE_PER_INSTANCE: usize = 32;

/// Pool of connections to instances.
pub struct InstancePool(Client<HttpConnector, SharedBodyReader>);

impl InstancePool {
    /// Creates a pool with this connect timeout.
    pub fn new(connect_timeout: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(connect_timeout));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(MAX_IDLE_PER_INSTANCE)
            .http1_max_headers(256)
            .http1_max_buf_size(256 << 10)
            .set_host(false)
            .build(connector);
        Self(client)
    }

    /// Sends a request and returns the response when it begins.
    pub async fn send(&self, request: Request<SharedBodyReader>) -> Result<Response, Error> {
        self.0.request(request).await.map(|response| response.map(Answer::new))
    }
}
