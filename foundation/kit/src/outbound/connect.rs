//! Outbound connections on behalf of users.

use std::{
    future::Future,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use hearth_base::{Error, Result};
use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower::Service;

use super::{Mirrors, OutboundException, is_public_address};

/// Timeout of a name lookup, and of each connection attempt.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum number of a name's addresses that are tried.
const MAX_CONNECT_ATTEMPTS: usize = 4;

/// Client for outbound connections, which refuses private addresses.
#[derive(Debug, Clone, Default)]
pub struct OutboundClient {
    allow: Arc<[OutboundException]>,
    mirrors: Arc<Mirrors>,
}

impl OutboundClient {
    /// A client with an operator's exceptions and mirrors.
    pub fn new(allow: &[OutboundException], mirrors: &Mirrors) -> Self {
        Self { allow: allow.into(), mirrors: Arc::new(mirrors.clone()) }
    }

    /// Resolves the mirror of `address`; `None` without one.
    pub fn resolve_mirror(&self, address: &Uri) -> Option<Uri> {
        self.mirrors.find_mirror_address(address)
    }

    /// Connects to a port of a host. The name is looked up once and the checked addresses are the ones connected to,
    /// so DNS rebinding has no effect. A name with any private address is refused entirely.
    ///
    /// Errors: `outbound-private`, `outbound-port` (forbidden), `outbound-host` (invalid), `outbound-unknown-host`,
    /// `outbound-unreachable` (unavailable).
    pub async fn connect_to_host(&self, host: &str, port: u16) -> Result<TcpStream> {
        let mut last = None;
        for address in self.resolve_addresses(host, port).await?.into_iter().take(MAX_CONNECT_ATTEMPTS) {
            match tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    let _slower_otherwise = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(cause)) => last = Some(cause),
                Err(_) => last = Some(std::io::ErrorKind::TimedOut.into()),
            }
        }
        let error =
            Error::unavailable("outbound-unreachable", format!("{} does not respond", escape_host(host)));
        Err(last.into_iter().fold(error, Error::with_cause))
    }

    pub(super) async fn resolve_addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>> {
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        let found: Vec<IpAddr> = match bare.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => look_up_host(bare).await?,
        };
        for address in &found {
            self.check_address(bare, *address, port)?;
        }
        Ok(found.into_iter().map(|address| SocketAddr::new(address, port)).collect())
    }

    fn check_address(&self, host: &str, address: IpAddr, port: u16) -> Result<()> {
        if self.allow.iter().any(|exception| exception.allows_address(host, address, port)) {
            return Ok(());
        }
        if !is_public_address(address) {
            return Err(Error::forbidden(
                "outbound-private",
                format!("{} has a private address; only public addresses are allowed", escape_host(host)),
            )
            .help("ask an operator of this Hearth to add it to [outbound] allow"));
        }
        // Below 1024 only the web ports: the other system ports belong to services such as SMTP and SSH.
        if port != 80 && port != 443 && port < 1024 {
            return Err(Error::forbidden(
                "outbound-port",
                format!("port {port} of {} is not allowed", escape_host(host)),
            )
            .help("use port 80, 443, or a port from 1024 on"));
        }
        Ok(())
    }

    /// Creates a connector for HTTP clients.
    pub fn create_connector(&self) -> OutboundConnector {
        OutboundConnector(self.clone())
    }
}

async fn look_up_host(host: &str) -> Result<Vec<IpAddr>> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if host.is_empty() || host.len() > 253 || !host.bytes().all(fits) {
        return Err(Error::invalid(
            "outbound-host",
            format!("{} is not a valid host name", escape_host(host)),
        ));
    }
    let unknown = || {
        Error::unavailable("outbound-unknown-host", format!("there is no host {}", escape_host(host)))
            .help("check the spelling")
    };
    let found = tokio::time::timeout(CONNECT_TIMEOUT, tokio::net::lookup_host((host, 0))).await;
    let found = found.map_err(|_| unknown())?.map_err(|cause| unknown().with_cause(cause))?;
    let mut found: Vec<IpAddr> = found.map(|address| address.ip()).collect();
    found.dedup();
    if found.is_empty() { Err(unknown()) } else { Ok(found) }
}

fn escape_host(host: &str) -> String {
    host.chars().take(80).collect::<String>().escape_debug().to_string()
}

/// Port of a URL; the default of its scheme without one.
pub(super) fn read_port(uri: &Uri) -> u16 {
    uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 })
}

/// Connector for HTTP clients over an [`OutboundClient`].
#[derive(Debug, Clone)]
pub struct OutboundConnector(OutboundClient);

impl Service<Uri> for OutboundConnector {
    type Response = TokioIo<TcpStream>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let outbound = self.0.clone();
        Box::pin(async move {
            let host =
                uri.host().ok_or_else(|| Error::invalid("outbound-host", "the address has no host"))?;
            outbound.connect_to_host(host, read_port(&uri)).await.map(TokioIo::new)
        })
    }
}
