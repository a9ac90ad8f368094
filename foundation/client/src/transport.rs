//! Transport of requests: over HTTP, or as a function call into a router of this process.

use std::{
    convert::Infallible,
    fmt,
    pin::Pin,
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, Uri, uri::Scheme};
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as Pool, connect::HttpConnector},
    rt::TokioExecutor,
};
use tower::{Service, ServiceExt, util::BoxCloneSyncService};

use hearth_base::{Error, Result};

/// Error of a body or a transport.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Streamed body of a request or a response.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// Router of this process, as a tower service.
pub type LocalService = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// Boxed future of a response.
pub type CallFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// Converts any body into a [`Body`].
pub fn box_body<B>(inner: B) -> Body
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    inner.map_err(Into::into).boxed_unsync()
}

/// Transport of requests.
#[derive(Clone)]
pub enum Transport {
    /// HTTP to a server.
    Url(Arc<RemoteServer>),
    /// Function call into a router of this process; request extensions are preserved.
    Local(LocalSlot),
}

/// Server with a connection pool.
pub struct RemoteServer {
    base: Uri,
    pool: ConnectionPool,
}

/// The machine's certificates are read only for a server at an `https` address, because reading them is slow.
enum ConnectionPool {
    Plain(Pool<HttpConnector, Body>),
    Secure(Pool<HttpsConnector<HttpConnector>, Body>),
}

/// Slot for a router of this process. Services are mounted one after the other and call each other, so the
/// slot exists before its router.
#[derive(Clone, Default)]
pub struct LocalSlot(Arc<OnceLock<LocalService>>);

impl LocalSlot {
    /// Sets the router. Later calls have no effect.
    pub fn set_router(&self, exchange: LocalService) {
        let _first_one_stays = self.0.set(exchange);
    }
}

/// Time after which an idle connection is not used again. Servers close theirs later: a request on a connection that its
/// server has just closed fails, and may or may not have been received.
const MAX_IDLE_TIME: Duration = Duration::from_secs(10);

impl Transport {
    /// Creates a transport to the server at `base`: `http://` or `https://`, a host, optionally a port.
    pub fn from_url(base: &str) -> Result<Self> {
        let refused = || {
            Error::invalid("server-address", format!("{base:?} is not the address of a server"))
                .help("write it as in http://localhost:8080")
        };
        let base: Uri = base.trim_end_matches('/').parse().map_err(|_| refused())?;
        let secure = match base.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            _ => return Err(refused()),
        };
        if base.authority().is_none() || base.path() != "/" || base.query().is_some() {
            return Err(refused());
        }
        let mut plain = HttpConnector::new();
        plain.enforce_http(false);
        plain.set_nodelay(true);
        let mut builder = Pool::builder(TokioExecutor::new());
        builder.pool_idle_timeout(MAX_IDLE_TIME);
        let pool = if secure {
            let rooted = HttpsConnectorBuilder::new().with_native_roots().map_err(|cause| {
                Error::unavailable("no-certificates", "this machine has no root certificates")
                    .help("install the package ca-certificates")
                    .with_cause(cause)
            })?;
            ConnectionPool::Secure(builder.build(rooted.https_only().enable_http1().wrap_connector(plain)))
        } else {
            ConnectionPool::Plain(builder.build(plain))
        };
        Ok(Self::Url(Arc::new(RemoteServer { base, pool })))
    }

    /// Sends a request whose URI has only a path and a query.
    ///
    /// The future is boxed so that the HTTP client is compiled in this crate only, and not in each caller.
    pub fn send(&self, mut request: Request<Body>) -> CallFuture<'_, Response<Body>> {
        Box::pin(async move {
            match self {
                Self::Local(LocalSlot(slot)) => {
                    let mut exchange = slot
                        .get()
                        .ok_or_else(|| {
                            Error::unavailable(
                                "service-starting",
                                "a service of this Hearth is still starting",
                            )
                        })?
                        .clone();
                    let ready = exchange.ready().await.unwrap_or_else(|never| match never {});
                    Ok(ready.call(request).await.unwrap_or_else(|never| match never {}))
                }
                Self::Url(remote) => {
                    *request.uri_mut() = remote.resolve_uri(request.uri())?;
                    let response = match &remote.pool {
                        ConnectionPool::Plain(pool) => pool.request(request),
                        ConnectionPool::Secure(pool) => pool.request(request),
                    };
                    let response = response.await.map_err(|error| remote.build_connection_error(error))?;
                    Ok(response.map(box_body))
                }
            }
        })
    }
}

impl RemoteServer {
    fn resolve_uri(&self, relative: &Uri) -> Result<Uri> {
        let mut parts = self.base.clone().into_parts();
        parts.path_and_query = relative.path_and_query().cloned();
        Uri::from_parts(parts).map_err(Error::internal)
    }

    fn build_connection_error(&self, cause: hyper_util::client::legacy::Error) -> Error {
        let server = self.base.authority().map_or("the server", |authority| authority.as_str());
        let (code, message) = match cause.is_connect() {
            true => ("server-unreachable", "cannot be reached"),
            false => ("connection-lost", "closed the connection"),
        };
        Error::unavailable(code, format!("{server} {message}")).with_cause(cause)
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(remote) => write!(f, "Url({})", remote.base),
            Self::Local(_) => f.write_str("Local"),
        }
    }
}
