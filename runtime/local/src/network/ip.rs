//! Links and addresses, through iproute2's `ip`, which reads a list of commands.

use std::{fs, io, net::Ipv4Addr, os::fd::OwnedFd};

use hearth_base::Result;

use crate::{
    failure::Doing,
    helper::brief::Link,
    sys::child::{self, Side},
};

use super::{Subnet, program::feed};

/// Where iproute2's program is.
pub const IP: [&str; 4] = ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip", "/bin/ip"];

/// Makes a tool's bridge. Its hardware address is fixed: a changing one stalls containers for a minute.
pub fn make_bridge(name: &str, gateway: Ipv4Addr, prefix: u8) -> Result<()> {
    let [_, rest @ ..] = gateway.octets();
    let hardware = hardware(0, rest);
    remove_link(name);
    run(&[
        format!("link add name {name} address {hardware} type bridge"),
        format!("addr add {gateway}/{prefix} dev {name}"),
        format!("link set {name} up"),
    ])
    .doing(format_args!("making the bridge {name}"))?;
    fs::write(format!("/proc/sys/net/ipv6/conf/{name}/disable_ipv6"), "1")
        .or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })
        .doing(format_args!("keeping {name} to the protocol that is filtered"))?;
    open_doors(name)
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
    run(&[
        format!("link add name {name} type bridge"),
        format!("addr add {}/32 dev {name}", subnet.service()),
        format!("link set {name} up"),
    ])
    .doing(format_args!("making the link {name}"))
}

/// Removes a link, if it is there.
pub fn remove_link(name: &str) {
    if fs::metadata(format!("/sys/class/net/{name}")).is_ok()
        && let Err(error) = run(&[format!("link del {name}")])
    {
        tracing::warn!(%error, name, "a link could not be removed");
    }
}

/// The names of the host's links.
pub fn links() -> Vec<String> {
    let entries = fs::read_dir("/sys/class/net").into_iter().flatten().filter_map(|entry| entry.ok());
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Lays a cable from a bridge into the network namespace of `holder`, and sets up its far end. For helpers,
/// which have no threads.
pub fn connect(link: &Link, holder: i32, holder_fd: &OwnedFd) -> io::Result<()> {
    let Link { bridge, port, address, prefix, gateway, .. } = link;
    // Whoever has the address next has the same hardware address: neighbours that remember the one before would not
    // reach another for half a minute.
    let [first, rest @ ..] = address.octets();
    let hardware = hardware(first, rest);
    run(&[
        format!(
            "link add name {port} master {bridge} type veth peer name eth0 address {hardware} netns {holder}"
        ),
        format!("link set {port} up"),
    ])?;
    match child::fork(0)? {
        Side::Child => {
            let inside = child::join_namespaces(holder_fd, libc::CLONE_NEWNET).and_then(|()| {
                run(&[
                    "link set lo up".to_owned(),
                    format!("addr add {address}/{prefix} dev eth0"),
                    "link set eth0 up".to_owned(),
                    format!("route add default via {gateway}"),
                ])
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
fn hardware(first: u8, [b, c, d]: [u8; 3]) -> String {
    format!("02:68:{first:02x}:{b:02x}:{c:02x}:{d:02x}")
}

fn run(commands: &[String]) -> io::Result<()> {
    feed(&IP, &["-batch", "-"], &(commands.join("\n") + "\n"))
}
