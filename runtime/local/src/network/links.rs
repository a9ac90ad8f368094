//! Bridges, and the cables of containers.

use std::{fs, io, net::Ipv4Addr, os::fd::OwnedFd};

use hearth_base::Result;
use serde::{Deserialize, Serialize};

use crate::{
    failure::Doing,
    sys::child::{self, Side},
};

use super::{
    Subnet,
    netlink::{Hardware, Netlink},
};

/// A container's cable to its tool's network. Kept in the file that its helper is started with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The tool's bridge.
    pub bridge: String,
    /// The bridge's end of the cable.
    pub port: String,
    pub address: Ipv4Addr,
    pub prefix: u8,
    pub gateway: Ipv4Addr,
    /// The address at which names are answered.
    pub dns: Ipv4Addr,
}

/// Makes a tool's bridge. Its hardware address is fixed: a changing one stalls containers for a minute.
pub fn make_bridge(name: &str, gateway: Ipv4Addr, prefix: u8) -> Result<()> {
    let [_, rest @ ..] = gateway.octets();
    remove_link(name);
    let made = Netlink::open().and_then(|kernel| {
        kernel.add_bridge(name, Some(hardware(0, rest)))?;
        keep_to_ipv4(name)?;
        kernel.add_address(name, gateway, prefix)?;
        kernel.set_up(name)
    });
    made.doing(format_args!("making the bridge {name}"))?;
    open_doors(name)
}

/// Only one protocol is filtered, and so the other does not pass at all.
fn keep_to_ipv4(link: &str) -> io::Result<()> {
    match fs::write(format!("/proc/sys/net/ipv6/conf/{link}/disable_ipv6"), "1") {
        // A host without the other protocol.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Lets what comes from a bridge be led to services that listen on the host's loopback. Only packets that the
/// tables lead there pass them.
pub fn open_doors(bridge: &str) -> Result<()> {
    fs::write(format!("/proc/sys/net/ipv4/conf/{bridge}/route_localnet"), "1")
        .doing(format_args!("leading {bridge} to the door"))
}

/// Makes the link that carries the address of what all tools share: a bridge without ports, which every kernel
/// has that has bridges.
pub fn set_up_service(instance: &str, subnet: &Subnet) -> Result<()> {
    let name = format!("h{instance}s");
    if fs::metadata(format!("/sys/class/net/{name}")).is_ok() {
        return Ok(());
    }
    let made = Netlink::open().and_then(|kernel| {
        kernel.add_bridge(&name, None)?;
        kernel.add_address(&name, subnet.service(), 32)?;
        kernel.set_up(&name)
    });
    made.doing(format_args!("making the link {name}"))
}

/// Removes a link, if it is there.
pub fn remove_link(name: &str) {
    if let Err(error) = Netlink::open().and_then(|kernel| kernel.remove(name)) {
        tracing::warn!(%error, name, "a link could not be removed");
    }
}

/// The names of the host's links.
pub fn all() -> Vec<String> {
    let entries = fs::read_dir("/sys/class/net").into_iter().flatten().filter_map(|entry| entry.ok());
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// What a container calls its end of the cable.
const FAR: &str = "eth0";

/// Lays a cable from a bridge into the network namespace of `holder`, and sets up its far end. For helpers,
/// which have no threads.
pub fn connect(link: &Link, holder: i32, holder_fd: &OwnedFd) -> io::Result<()> {
    let Link { bridge, port, address, prefix, gateway, .. } = link;
    // Whoever has the address next has the same hardware address: neighbours that remember the one before would not
    // reach another for half a minute.
    let [first, rest @ ..] = address.octets();
    let number = u32::try_from(holder).map_err(io::Error::other)?;
    Netlink::open()?.add_cable(port, bridge, FAR, hardware(first, rest), number)?;
    match child::fork(0)? {
        Side::Child => {
            let inside = child::join_namespaces(holder_fd, libc::CLONE_NEWNET).and_then(|()| {
                let kernel = Netlink::open()?;
                kernel.set_up("lo")?;
                kernel.add_address(FAR, *address, *prefix)?;
                kernel.set_up(FAR)?;
                kernel.add_default_route(*gateway)
            });
            child::exit(i32::from(inside.is_err()))
        }
        Side::Parent(pid, _) => {
            let ended = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty())?;
            match ended.and_then(|(_, status)| status.exit_status()) {
                Some(0) => Ok(()),
                _ => Err(io::Error::other("the container's end of its network could not be set up")),
            }
        }
    }
}

/// A hardware address that is locally administered (IEEE 802, bit 1 of the first octet), and says which IPv4 address is
/// behind it.
fn hardware(first: u8, [b, c, d]: [u8; 3]) -> Hardware {
    [0x02, 0x68, first, b, c, d]
}
