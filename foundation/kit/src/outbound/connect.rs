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

use super::{
    Mirrors, OutboundException, RefusedNetwork, is_own_address, is_public_address,
    names::{NameResolver, escape_host},
};

/// Timeout of each connection attempt.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum number of a name's addresses that are tried.
const MAX_CONNECT_ATTEMPTS: usize = 4;

/// Client for outbound connections, which refuses private addresses and those of this host.
#[derive(Debug, Clone, Default)]
pub struct OutboundClient {
    allow: Arc<[OutboundException]>,
    refuse: Arc<[RefusedNetwork]>,
    mirrors: Arc<Mirrors>,
    /// Shared by the copies of a client.
    names: Arc<NameResolver>,
}

impl OutboundClient {
    /// A client with an operator's exceptions and mirrors.
    pub fn new(allow: &[OutboundException], mirrors: &Mirrors) -> Self {
        Self { allow: allow.into(), mirrors: Arc::new(mirrors.clone()), ..Self::default() }
    }

    /// This client with networks that an operator refuses.
    pub fn with_refused_networks(self, refuse: &[RefusedNetwork]) -> Self {
        Self { refuse: refuse.into(), ..self }
    }

    /// Resolves the mirror of `address`; `None` without one.
    pub fn resolve_mirror(&self, address: &Uri) -> Option<Uri> {
        self.mirrors.find_mirror_address(address)
    }

    /// True when an exception of the operator names the host of `address`, with its port.
    pub fn has_exception_for(&self, address: &Uri) -> bool {
        let host = address.host().unwrap_or_default().trim_matches(['[', ']']);
        self.allow.iter().any(|exception| exception.names_host(host, read_port(address)))
    }

    /// Connects to a port of a host. The name is looked up once and the checked addresses are the ones connected to,
    /// so DNS rebinding has no effect. A name with any private address is refused entirely.
    ///
    /// Errors: `outbound-private`, `outbound-port` (forbidden), `outbound-host` (invalid), `outbound-unknown-host`,
    /// `outbound-resolver`, `outbound-unreachable` (unavailable).
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
            Err(_) => {
                check_host_name(bare)?;
                self.names.look_up(bare).await?
            }
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
        if is_own_address(address) || self.refuse.iter().any(|network| network.contains_address(address)) {
            return Err(Error::forbidden(
                "outbound-private",
                format!("{} is an address of this Hearth's own network", escape_host(host)),
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

fn check_host_name(host: &str) -> Result<()> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if host.is_empty() || host.len() > 253 || !host.bytes().all(fits) {
        return Err(Error::invalid(
            "outbound-host",
            format!("{} is not a valid host name", escape_host(host)),
        ));
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn describe_refusal(outbound: &OutboundClient, host: &str, address: &str, port: u16) -> Option<String> {
        let checked = outbound.check_address(host, address.parse().unwrap(), port);
        checked.err().map(|error| error.code().to_owned())
    }

    #[test]
    fn refused_network_is_closed_and_an_exception_opens_it() {
        let refuse: [RefusedNetwork; 2] =
            ["203.0.113.0/28".parse().unwrap(), "2001:db8:7::/48".parse().unwrap()];
        let allow: [OutboundException; 1] = ["203.0.113.5:443".parse().unwrap()];
        let outbound = OutboundClient::new(&allow, &Mirrors::default()).with_refused_networks(&refuse);
        let refused = Some("outbound-private".to_owned());
        for address in ["203.0.113.7", "::ffff:203.0.113.7", "64:ff9b::cb00:7107", "2001:db8:7::1"] {
            assert_eq!(describe_refusal(&outbound, "x", address, 443), refused, "{address}");
        }
        assert_eq!(describe_refusal(&outbound, "x", "203.0.113.5", 443), None);
        assert_eq!(describe_refusal(&outbound, "x", "203.0.113.77", 443), None);
        assert_eq!(describe_refusal(&OutboundClient::default(), "x", "203.0.113.7", 443), None);
    }

    #[test]
    fn mail_ports_are_refused() {
        for port in [25, 465, 587] {
            let refused = describe_refusal(&OutboundClient::default(), "x", "203.0.113.7", port);
            assert_eq!(refused.as_deref(), Some("outbound-port"), "{port}");
        }
    }

    /// Runs again in a network namespace of its own, where this host has a public address.
    #[test]
    fn address_of_this_host_is_refused_unless_allowed() {
        const OWN_ADDRESS: &str = "203.0.113.9";
        // All addresses of the network namespace (proc_pid_net(5)).
        if !std::fs::read_to_string("/proc/net/fib_trie").unwrap().contains(OWN_ADDRESS) {
            let script = format!(
                "/bin/busybox ip addr add {OWN_ADDRESS}/32 dev lo && /bin/busybox ip link set lo up && exec \"$@\""
            );
            let name = "outbound::connect::tests::address_of_this_host_is_refused_unless_allowed";
            let mut inner = std::process::Command::new("unshare");
            inner.args(["--user", "--map-root-user", "--net", "--", "sh", "-c", &script, "sh"]);
            inner.arg(std::env::current_exe().unwrap()).args(["--exact", name]);
            let output = inner.output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && text.contains("1 passed"), "{output:?}");
            return;
        }
        let refused = Some("outbound-private".to_owned());
        for own in [OWN_ADDRESS, "::ffff:203.0.113.9", "64:ff9b::cb00:7109"] {
            assert_eq!(describe_refusal(&OutboundClient::default(), "x", own, 8080), refused, "{own}");
        }
        let allowed = OutboundClient::new(&[OWN_ADDRESS.parse().unwrap()], &Mirrors::default());
        assert_eq!(describe_refusal(&allowed, "x", OWN_ADDRESS, 8080), None);
    }
}
