//! How a request travels: over a connection, or as a function call into a router of this process.

use std::{
    convert::Infallible,
    fmt,
    pin::Pin,
    sync::{Arc, OnceLock},
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

/// Any error of a body or a transport.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A body of unknown length, either way.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// A router of this process, as the client sees it.
pub type Exchange = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// An answer on its way.
pub type Answering<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// Turns any body into a [`Body`].
pub fn body<B>(inner: B) -> Body
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    inner.map_err(Into::into).boxed_unsync()
}

/// How requests travel.
#[derive(Clone)]
pub enum Transport {
    /// Over HTTP to a server at this address.
    Url(Arc<Remote>),
    /// Into a router of this process, extensions and all.
    Local(Local),
}

/// A server somewhere, with a pool of connections to it.
pub struct Remote {
    base: Uri,
    pool: Connections,
}

/// Only a server at an `https` address costs reading the machine's certificates.
enum Connections {
    Plain(Pool<HttpConnector, Body>),
    Secure(Pool<HttpsConnector<HttpConnector>, Body>),
}

/// A place for a router of this process. Services are mounted one after the other and call each other, so the
/// place exists before the router does.
#[derive(Clone, Default)]
pub struct Local(Arc<OnceLock<Exchange>>);

impl Local {
    /// Puts the router in its place. The first one stays.
    pub fn fill(&self, exchange: Exchange) {
        let _first_one_stays = self.0.set(exchange);
    }
}

impl Transport {
    /// A transport to the server at `base`: `http://` or `https://`, a host, perhaps a port.
    pub fn url(base: &str) -> Result<Self> {
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
        let builder = Pool::builder(TokioExecutor::new());
        let pool = if secure {
            let rooted = HttpsConnectorBuilder::new().with_native_roots().map_err(|cause| {
                Error::unavailable(
                    "no-certificates",
                    "this machine has no certificates to check servers with",
                )
                .help("install the package ca-certificates")
                .because(cause)
            })?;
            Connections::Secure(builder.build(rooted.https_only().enable_http1().wrap_connector(plain)))
        } else {
            Connections::Plain(builder.build(plain))
        };
        Ok(Self::Url(Arc::new(Remote { base, pool })))
    }

    /// Sends a request whose URI is a path and a query.
    ///
    /// A boxed future: the HTTP client is compiled in this crate, and not once more in each one that asks something.
    pub fn send(&self, mut request: Request<Body>) -> Answering<'_, Response<Body>> {
        Box::pin(async move {
            match self {
                Self::Local(Local(place)) => {
                    let mut exchange = place
                        .get()
                        .ok_or_else(|| {
                            Error::unavailable("service-starting", "this part of Hearth is still starting")
                        })?
                        .clone();
                    let ready = exchange.ready().await.unwrap_or_else(|never| match never {});
                    Ok(ready.call(request).await.unwrap_or_else(|never| match never {}))
                }
                Self::Url(remote) => {
                    *request.uri_mut() = remote.absolute(request.uri())?;
                    let response = match &remote.pool {
                        Connections::Plain(pool) => pool.request(request),
                        Connections::Secure(pool) => pool.request(request),
                    };
                    let response = response.await.map_err(|error| remote.unreachable(error))?;
                    Ok(response.map(body))
                }
            }
        })
    }
}

impl Remote {
    fn absolute(&self, relative: &Uri) -> Result<Uri> {
        let mut parts = self.base.clone().into_parts();
        parts.path_and_query = relative.path_and_query().cloned();
        Uri::from_parts(parts).map_err(Error::internal)
    }

    fn unreachable(&self, cause: hyper_util::client::legacy::Error) -> Error {
        let server = self.base.authority().map_or("the server", |authority| authority.as_str());
        let (code, what) = match cause.is_connect() {
            true => ("server-unreachable", "cannot be reached"),
            false => ("connection-lost", "broke off the connection"),
        };
        Error::unavailable(code, format!("{server} {what}")).because(cause)
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
