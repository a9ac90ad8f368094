//! Names inside: a tool's other jobs, and the door. Answered by a process of its own without any powers, for it
//! reads what tools and the outside send.

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
    again::{self, Part},
    failure::Doing,
};

pub use server::main;

/// Starts the process that answers names at `address`. It ends with this one.
pub fn start(address: Ipv4Addr, table: &Path) -> Result<Child> {
    let what = format!("answering names at {address}");
    let datagrams = UdpSocket::bind((address, 53)).doing(&what)?;
    let streams = TcpListener::bind((address, 53)).doing(&what)?;
    let mut command = again::command(Part::Names);
    command.arg(table).arg(std::process::id().to_string());
    // Bound here, with root's powers; served there, without.
    command.stdin(Stdio::from(OwnedFd::from(datagrams))).stdout(Stdio::from(OwnedFd::from(streams)));
    Command::from(command).kill_on_drop(true).spawn().doing(&what)
}
