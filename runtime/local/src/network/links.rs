//! Network links: bridges, and the veth pairs of containers.

use std::{fs, io, net::Ipv4Addr, os::fd::OwnedFd};

use hearth_base::Result;
use serde::{Deserialize, Serialize};

use crate::{
    host_error::HostErrorContext,
    sys::child::{self, ForkSide},
};

use super::{
    Subnet,
    netlink::{HardwareAddress, NetlinkSocket},
};

/// Veth pair between a container and its tool's bridge. Stored in the helper configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerLink {
    /// Name of the tool's bridge.
    pub bridge: String,
    /// Name of the veth interface at the bridge.
    pub port: String,
    pub address: Ipv4Addr,
    pub prefix: u8,
    pub gateway: Ipv4Addr,
    /// Address of the DNS server.
    pub dns: Ipv4Addr,
}

/// Makes a tool's bridge with a fixed hardware address. By default the kernel changes a bridge's address with
/// its ports, which interrupts the containers' traffic for up to a minute.
pub fn make_bridge(name: &str, gateway: Ipv4Addr, prefix: u8) -> Result<()> {
    let [_, rest @ ..] = gateway.octets();
    remove_link(name);
    let made = NetlinkSocket::open().and_then(|kernel| {
        kernel.add_bridge(name, Some(build_hardware_address(0, rest)))?;
        disable_ipv6(name)?;
        kernel.add_address(name, gateway, prefix)?;
        kernel.set_up(name)
    });
    made.with_context(format_args!("making the bridge {name}"))?;
    enable_route_localnet(name)
}

/// Disables IPv6 on a link, because the firewall filters only IPv4.
fn disable_ipv6(link: &str) -> io::Result<()> {
    match fs::write(format!("/proc/sys/net/ipv6/conf/{link}/disable_ipv6"), "1") {
        // The host has no IPv6.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Allows packets from a bridge to be redirected to services on the host's loopback interface
/// (`route_localnet`). The firewall accepts only packets that its own DNAT rules redirect.
pub fn enable_route_localnet(bridge: &str) -> Result<()> {
    fs::write(format!("/proc/sys/net/ipv4/conf/{bridge}/route_localnet"), "1")
        .with_context(format_args!("setting route_localnet of {bridge}"))
}

/// Makes the link with the service address (DNS server and `hearth.internal`): a bridge without ports, since
/// every kernel with bridges supports it.
pub fn make_service_link(instance: &str, subnet: &Subnet) -> Result<()> {
    let name = format!("h{instance}s");
    if fs::metadata(format!("/sys/class/net/{name}")).is_ok() {
        return Ok(());
    }
    let made = NetlinkSocket::open().and_then(|kernel| {
        kernel.add_bridge(&name, None)?;
        kernel.add_address(&name, subnet.service_address(), 32)?;
        kernel.set_up(&name)
    });
    made.with_context(format_args!("making the link {name}"))
}

/// Removes a link, if it exists. A failure is logged.
pub fn remove_link(name: &str) {
    if let Err(error) = NetlinkSocket::open().and_then(|kernel| kernel.remove(name)) {
        tracing::warn!(%error, name, "network link not removed");
    }
}

/// Lists the names of the host's links.
pub fn list_links() -> Vec<String> {
    let entries = fs::read_dir("/sys/class/net").into_iter().flatten().filter_map(|entry| entry.ok());
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Name of the container's network interface.
const CONTAINER_INTERFACE: &str = "eth0";

/// Connects the network namespace of the process `holder` to a bridge by a veth pair, and configures the
/// container's interface. The caller must have no threads.
pub fn connect_container(link: &ContainerLink, holder: i32, holder_fd: &OwnedFd) -> io::Result<()> {
    let ContainerLink { bridge, port, address, prefix, gateway, .. } = link;
    // The hardware address follows from the IP address: otherwise neighbours with an old ARP entry would not
    // reach the next container with this address for half a minute.
    let [first, rest @ ..] = address.octets();
    let number = u32::try_from(holder).map_err(io::Error::other)?;
    NetlinkSocket::open()?.add_cable(
        port,
        bridge,
        CONTAINER_INTERFACE,
        build_hardware_address(first, rest),
        number,
    )?;
    match child::fork_process(0)? {
        ForkSide::Child => {
            let inside = child::join_namespaces(holder_fd, libc::CLONE_NEWNET).and_then(|()| {
                let kernel = NetlinkSocket::open()?;
                kernel.set_up("lo")?;
                kernel.add_address(CONTAINER_INTERFACE, *address, *prefix)?;
                kernel.set_up(CONTAINER_INTERFACE)?;
                kernel.add_default_route(*gateway)
            });
            child::exit_immediately(i32::from(inside.is_err()))
        }
        ForkSide::Parent(pid, _) => {
            let ended = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty())?;
            match ended.and_then(|(_, status)| status.exit_status()) {
                Some(0) => Ok(()),
                _ => Err(io::Error::other("the container's network interface could not be configured")),
            }
        }
    }
}

/// Builds a locally administered hardware address (IEEE 802, bit 1 of the first octet) that contains the last
/// octets of the IPv4 address.
fn build_hardware_address(first: u8, [b, c, d]: [u8; 3]) -> HardwareAddress {
    [0x02, 0x68, first, b, c, d]
}
