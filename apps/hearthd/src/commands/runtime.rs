//! `hearthd runtime`: the privileged process, which starts containers for one caller. Containers continue to
//! run when it ends.

use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, ToSocketAddrs},
    path::Path,
    sync::Arc,
};

use hearth_base::{Error, Result, SystemClock};
use hearth_kit::{config::HearthConfig, outbound::RefusedNetwork, telemetry::start_logging};
use hearth_runtime_api::wire::AllowedCallers;
use hearth_runtime_local::{LayerLimits, LocalRuntime, LocalRuntimeSettings, PortForward, StorageQuota};
use tokio::signal::unix::{SignalKind, signal};

use super::serve::{build_executor, load_configuration};
use crate::{cli::RuntimeArgs, console, memory_trim};

/// The port of `hearth.internal` at which containers reach the gateway.
const GATEWAY_PORT: u16 = 80;

/// The port of `hearth.internal` at which builds reach the outbound proxy.
const OUTBOUND_PORT: u16 = 3128;

/// Serves the runtime's socket until a stop signal.
pub fn run(args: RuntimeArgs) -> Result<()> {
    let RuntimeArgs { caller, settings } = args;
    let config = load_configuration(settings)?;
    start_logging(&config.log)?;
    build_executor()?.block_on(async {
        let mut term = signal(SignalKind::terminate()).map_err(Error::internal)?;
        let mut int = signal(SignalKind::interrupt()).map_err(Error::internal)?;
        let local = open_runtime(&config, &config.state.join("runtime"))?;
        console::print_result(format_args!("ready: runtime {}", config.runtime.instance));
        tokio::select! {
            served = serve_runtime(local, caller) => served,
            _ = term.recv() => Ok(()),
            _ = int.recv() => Ok(()),
            never = memory_trim::run() => match never {},
        }
    })
}

/// Opens the local runtime, and adopts the containers of an earlier process.
pub fn open_runtime(config: &HearthConfig, state: &Path) -> Result<Arc<LocalRuntime>> {
    let mut settings = build_settings(config, state);
    let doors = [(GATEWAY_PORT, &config.door.listen), (OUTBOUND_PORT, &config.outbound.listen)];
    settings.port_forwards =
        doors.into_iter().filter_map(|(port, listen)| build_doorway(port, listen)).collect();
    LocalRuntime::open(settings, Arc::new(SystemClock))
}

/// Serves the runtime's socket for one user of this host; never returns without an error.
pub async fn serve_runtime(local: Arc<LocalRuntime>, caller: u32) -> Result<()> {
    local.serve_callers(AllowedCallers { uids: vec![caller] }).await
}

/// Builds the runtime's settings from the configuration.
pub fn build_settings(config: &HearthConfig, state: &Path) -> LocalRuntimeSettings {
    LocalRuntimeSettings {
        first_id: config.runtime.first_id,
        layer_limits: LayerLimits {
            bytes: config.runtime.image_bytes,
            entries: config.runtime.image_entries,
        },
        namespace_bytes: config.runtime.tool_layer_bytes,
        min_free_disk: config.disk.min_free,
        home_quota: StorageQuota { size: config.runtime.home_size, inodes: config.runtime.home_files },
        cache_quota: StorageQuota { size: config.runtime.cache_size, inodes: config.runtime.cache_files },
        refused_networks: config.outbound.refuse.iter().filter_map(RefusedNetwork::as_ipv4).collect(),
        smtp_allowed: config.outbound.smtp,
        ..LocalRuntimeSettings::new(&config.runtime.instance, state)
    }
}

/// Builds the doorway by which containers reach a listen address of this host. `None` for port 0 and for
/// addresses without IPv4.
fn build_doorway(port: u16, listen: &str) -> Option<PortForward> {
    let addresses = listen.to_socket_addrs().into_iter().flatten();
    let to = addresses.filter_map(|address| match address {
        SocketAddr::V4(v4) if v4.port() != 0 => Some(v4),
        SocketAddr::V4(_) | SocketAddr::V6(_) => None,
    });
    let to_loopback = |to: SocketAddrV4| match to.ip().is_unspecified() {
        true => SocketAddrV4::new(Ipv4Addr::LOCALHOST, to.port()),
        false => to,
    };
    let doorway = to.map(to_loopback).next().map(|to| PortForward { port, target: to });
    if doorway.is_none() {
        tracing::warn!(listen, port, "listen address is not reachable from containers");
    }
    doorway
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doorway_leads_to_the_listen_address_of_the_gateway() {
        let to = |listen: &str| build_doorway(GATEWAY_PORT, listen).map(|door| door.target.to_string());
        assert_eq!(to("127.0.0.2:8080").as_deref(), Some("127.0.0.2:8080"));
        assert_eq!(to("0.0.0.0:80").as_deref(), Some("127.0.0.1:80"));
        assert_eq!(to("127.0.0.1:0"), None);
        assert_eq!(to("[::1]:80"), None);
    }
}
