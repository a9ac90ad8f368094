//! `hearthd runtime`: the one process with root's powers. It starts containers for one caller and does nothing
//! else; they go on when it ends.

use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, ToSocketAddrs},
    path::Path,
    sync::Arc,
};

use hearth_base::{Error, Result, SystemClock};
use hearth_kit::{config::Config, telemetry::start_logging};
use hearth_runtime_api::wire::Callers;
use hearth_runtime_local::{Doorway, Local, Settings};
use tokio::signal::unix::{SignalKind, signal};

use super::serve::{configuration, threads};
use crate::{cli::Runtime, out, thrift};

/// The port of `hearth.internal` where containers find the door.
const DOOR: u16 = 80;

/// The port of `hearth.internal` where builds find the way out.
const OUTBOUND: u16 = 3128;

/// Serves the runtime's socket until the process is told to stop.
pub fn run(command: Runtime) -> Result<()> {
    let Runtime { caller, settings } = command;
    let config = configuration(settings)?;
    start_logging(&config.log)?;
    threads()?.block_on(async {
        let mut term = signal(SignalKind::terminate()).map_err(Error::internal)?;
        let mut int = signal(SignalKind::interrupt()).map_err(Error::internal)?;
        let local = open(&config, &config.state.join("runtime"))?;
        out::result(format_args!("ready: runtime {}", config.runtime.instance));
        tokio::select! {
            served = serve(local, caller) => served,
            _ = term.recv() => Ok(()),
            _ = int.recv() => Ok(()),
            never = thrift::keep() => match never {},
        }
    })
}

/// Finds again what an earlier process began.
pub fn open(config: &Config, state: &Path) -> Result<Arc<Local>> {
    let mut settings = settings(config, state);
    let doors = [(DOOR, &config.door.listen), (OUTBOUND, &config.outbound.listen)];
    settings.doors = doors.into_iter().filter_map(|(port, listen)| doorway(port, listen)).collect();
    Local::open(settings, Arc::new(SystemClock))
}

/// Answers one user of this host for ever.
pub async fn serve(local: Arc<Local>, caller: u32) -> Result<()> {
    local.serve(Callers { uids: vec![caller] }).await
}

/// What the operator has decided about the runtime.
pub fn settings(config: &Config, state: &Path) -> Settings {
    Settings { ids: config.runtime.first_id, ..Settings::new(&config.runtime.instance, state) }
}

/// How containers reach what listens at an address of this host. One whose port is not known yet, or that has only
/// an address of version 6, they do not reach.
fn doorway(port: u16, listen: &str) -> Option<Doorway> {
    let addresses = listen.to_socket_addrs().into_iter().flatten();
    let to = addresses.filter_map(|address| match address {
        SocketAddr::V4(v4) if v4.port() != 0 => Some(v4),
        SocketAddr::V4(_) | SocketAddr::V6(_) => None,
    });
    let everywhere = |to: SocketAddrV4| match to.ip().is_unspecified() {
        true => SocketAddrV4::new(Ipv4Addr::LOCALHOST, to.port()),
        false => to,
    };
    let doorway = to.map(everywhere).next().map(|to| Doorway { port, to });
    if doorway.is_none() {
        tracing::warn!(listen, port, "containers do not reach this address");
    }
    doorway
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_led_to_where_the_door_listens() {
        let to = |listen: &str| doorway(DOOR, listen).map(|door| door.to.to_string());
        assert_eq!(to("127.0.0.2:8080").as_deref(), Some("127.0.0.2:8080"));
        assert_eq!(to("0.0.0.0:80").as_deref(), Some("127.0.0.1:80"));
        assert_eq!(to("127.0.0.1:0"), None);
        assert_eq!(to("[::1]:80"), None);
    }
}
