//! What may pass: one table of nftables per Hearth.
//!
//! From a tool: to its own network freely (that never comes here), to names and the door, and outside. Not to
//! other tools, private networks, the host, or link-local addresses. To a tool: the host only. From the process that
//! sends probes, which reads what tools answer: to containers only.

use std::{
    io::{self, Write},
    net::Ipv4Addr,
    path::PathBuf,
    process::{Command, Stdio},
};

use hearth_base::Result;

use crate::{failure::Doing, programs, settings::Doorway};

use super::Subnet;

/// Networks that no tool reaches from inside: RFC 6890 and its registry, and multicast.
const REFUSED: &str = "0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, \
                       192.0.0.0/24, 192.168.0.0/16, 198.18.0.0/15, 224.0.0.0/3";

/// Makes the table anew, in one step, for the bridges and the kept-inside addresses that there are.
pub fn set_up(
    instance: &str,
    subnet: &Subnet,
    doors: &[Doorway],
    bridges: &[&str],
    inside: &[Ipv4Addr],
) -> Result<()> {
    let mut script = rules(instance, subnet, doors);
    for bridge in bridges {
        script += &same(instance, bridge, "add");
    }
    for address in inside {
        script += &format!("add element inet hearth_{instance} inside {{ {address} }}\n");
    }
    run(&script).doing("setting up what may pass between networks")
}

/// Removes the table, if there is one.
pub fn remove(instance: &str) -> Result<()> {
    let table = format!("inet hearth_{instance}");
    run(&format!("add table {table}\ndelete table {table}\n"))
        .doing(format_args!("removing the table {table}"))
}

/// Lets a bridge's own traffic pass, or no longer. Hosts with `br_netfilter` ask about it; others don't.
pub fn within(instance: &str, bridge: &str, passes: bool) -> Result<()> {
    let verb = if passes { "add" } else { "delete" };
    run(&same(instance, bridge, verb)).doing(format_args!("letting the traffic of {bridge} pass"))
}

fn same(instance: &str, bridge: &str, verb: &str) -> String {
    format!("{verb} element inet hearth_{instance} same {{ \"{bridge}\" . \"{bridge}\" }}\n")
}

/// Refuses everything outside to one address, or no longer.
pub fn keep_inside(instance: &str, address: Ipv4Addr, inside: bool) -> Result<()> {
    let verb = if inside { "add" } else { "delete" };
    run(&format!("{verb} element inet hearth_{instance} inside {{ {address} }}\n"))
        .doing(format_args!("keeping {address} inside"))
}

fn rules(instance: &str, subnet: &Subnet, doors: &[Doorway]) -> String {
    let (table, tools) = (format!("inet hearth_{instance}"), format!("\"h{instance}t*\""));
    let (all, service, probe_user) = (subnet.all(), subnet.service(), subnet.probe_user());
    let doors: String = doors
        .iter()
        .map(|Doorway { port, to }| {
            format!("\n        iifname {tools} ip daddr {service} tcp dport {port} dnat ip to {to}")
        })
        .collect();
    format!(
        "add table {table}
delete table {table}
table {table} {{
    set inside {{ type ipv4_addr; }}
    set same {{ type ifname . ifname; }}
    chain doors {{
        type nat hook prerouting priority dstnat; policy accept;{doors}
    }}
    chain forward {{
        type filter hook forward priority filter; policy accept;
        iifname . oifname @same accept
        iifname {tools} ip saddr @inside drop
        iifname {tools} oifname {tools} drop
        iifname {tools} ct state established,related accept
        oifname {tools} ct state established,related accept
        oifname {tools} drop
        iifname {tools} meta nfproto ipv6 drop
        iifname {tools} ip daddr {{ {REFUSED} }} drop
    }}
    chain input {{
        type filter hook input priority filter; policy accept;
        iifname {tools} ct state established,related accept
        iifname {tools} ip daddr {service} meta l4proto {{ tcp, udp }} th dport 53 accept
        iifname {tools} ct status dnat accept
        iifname {tools} drop
    }}
    chain probes {{
        type filter hook output priority filter; policy accept;
        meta skuid {probe_user} oifname {tools} ip daddr {all} meta l4proto tcp accept
        meta skuid {probe_user} drop
    }}
    chain outside {{
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr {all} oifname != {tools} masquerade
    }}
}}
"
    )
}

/// nftables' program.
pub fn program() -> Result<PathBuf> {
    programs::find("nft", "nftables")
}

/// Has it read a script.
fn run(script: &str) -> io::Result<()> {
    let program = program().map_err(|error| io::Error::other(error.to_string()))?;
    let mut child = Command::new(program)
        .args(["-f", "-"])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(script.as_bytes())?;
    }
    programs::done("nft", &child.wait_with_output()?)
}
