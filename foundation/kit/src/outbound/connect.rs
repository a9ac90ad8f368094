//! Connections to what may be reached.

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

use super::{Exception, Mirrors, is_public};

/// How long looking up a name may take, and each try to connect.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many of a name's addresses are tried.
const TRIES: usize = 4;

/// The way out.
#[derive(Debug, Clone, Default)]
pub struct Outbound {
    allow: Arc<[Exception]>,
    mirrors: Arc<Mirrors>,
}

impl Outbound {
    /// The way out with an operator's exceptions and mirrors.
    pub fn new(allow: &[Exception], mirrors: &Mirrors) -> Self {
        Self { allow: allow.into(), mirrors: Arc::new(mirrors.clone()) }
    }

    /// Where an operator has what is meant by `address`, when that is elsewhere.
    pub fn mirror_of(&self, address: &Uri) -> Option<Uri> {
        self.mirrors.of(address)
    }

    /// Connects to a port of a host. The name is looked up here, once, and what was looked at is what is connected
    /// to. A name of which any address is private is refused whole: it is not meant for outsiders.
    pub async fn connect(&self, host: &str, port: u16) -> Result<TcpStream> {
        let mut last = None;
        for address in self.addresses(host, port).await?.into_iter().take(TRIES) {
            match tokio::time::timeout(PATIENCE, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    let _slower_otherwise = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(cause)) => last = Some(cause),
                Err(_) => last = Some(std::io::ErrorKind::TimedOut.into()),
            }
        }
        let error = Error::unavailable("outbound-unreachable", format!("{} does not answer", shown(host)));
        Err(last.into_iter().fold(error, Error::because))
    }

    pub(super) async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>> {
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        let found: Vec<IpAddr> = match bare.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => look_up(bare).await?,
        };
        for address in &found {
            self.check(bare, *address, port)?;
        }
        Ok(found.into_iter().map(|address| SocketAddr::new(address, port)).collect())
    }

    fn check(&self, host: &str, address: IpAddr, port: u16) -> Result<()> {
        if self.allow.iter().any(|exception| exception.allows(host, address, port)) {
            return Ok(());
        }
        if !is_public(address) {
            return Err(Error::forbidden(
                "outbound-private",
                format!("{} is at a private address, which is not reached from here", shown(host)),
            )
            .help("whoever runs this Hearth can allow it: [outbound] allow"));
        }
        // Web servers are there; below 1024 there is much else that nobody builds from.
        if port != 80 && port != 443 && port < 1024 {
            return Err(Error::forbidden(
                "outbound-port",
                format!("port {port} of {} is not reached from here", shown(host)),
            )
            .help("only 80, 443 and ports from 1024 on are"));
        }
        Ok(())
    }

    /// A connector for HTTP clients.
    pub fn dialer(&self) -> Dialer {
        Dialer(self.clone())
    }
}

async fn look_up(host: &str) -> Result<Vec<IpAddr>> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if host.is_empty() || host.len() > 253 || !host.bytes().all(fits) {
        return Err(Error::invalid("outbound-host", format!("{} is not the name of a host", shown(host))));
    }
    let unknown = || {
        Error::unavailable("outbound-unknown-host", format!("there is no host called {}", shown(host)))
            .help("check the spelling")
    };
    let found = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((host, 0))).await;
    let found = found.map_err(|_| unknown())?.map_err(|cause| unknown().because(cause))?;
    let mut found: Vec<IpAddr> = found.map(|address| address.ip()).collect();
    found.dedup();
    if found.is_empty() { Err(unknown()) } else { Ok(found) }
}

fn shown(host: &str) -> String {
    host.chars().take(80).collect::<String>().escape_debug().to_string()
}

/// The port of an address of the web.
pub(super) fn port(uri: &Uri) -> u16 {
    uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 })
}

/// The way out as HTTP clients use it.
#[derive(Debug, Clone)]
pub struct Dialer(Outbound);

impl Service<Uri> for Dialer {
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
                uri.host().ok_or_else(|| Error::invalid("outbound-host", "an address names no host"))?;
            outbound.connect(host, port(&uri)).await.map(TokioIo::new)
        })
    }
}
