//! DNS server for containers: resolves a tool's jobs and `hearth.internal`, and forwards other queries. It
//! runs as a subprocess without privileges, because it parses untrusted input.

pub mod answer;
mod server;
pub mod table;

use std::{
    net::{Ipv4Addr, TcpListener, UdpSocket},
    os::fd::OwnedFd,
    path::Path,
    process::Stdio,
};

use hearth_base::Result;
use tokio::process::{Child, Command};

use crate::{
    host_error::HostErrorContext,
    reexec::{self, Subprocess},
};

pub use server::main;

/// Starts the DNS server process at `address`. It is killed when this process ends.
pub fn start_server(address: Ipv4Addr, table: &Path) -> Result<Child> {
    let what = format!("starting the DNS server at {address}");
    let datagrams = UdpSocket::bind((address, 53)).with_context(&what)?;
    let streams = TcpListener::bind((address, 53)).with_context(&what)?;
    let mut command = reexec::build_command(Subprocess::Dns);
    command.arg(table).arg(std::process::id().to_string());
    // Port 53 is bound here as root; the subprocess serves it without privileges.
    command.stdin(Stdio::from(OwnedFd::from(datagrams))).stdout(Stdio::from(OwnedFd::from(streams)));
    Command::from(command).kill_on_drop(true).spawn().with_context(&what)
}
