//! Firewall: one nftables table for each Hearth.
//!
//! A tool reaches its own network (bridged traffic, which is not filtered), the DNS server, the services of
//! `hearth.internal` and the internet without its mail ports. It does not reach other tools, private networks, the
//! host at any of its addresses, or link-local addresses. A closed network, as that of a preview, does not reach the
//! services either. Only the host reaches a tool. The probe process, which parses the answers of tools, reaches only
//! containers.

use std::{
    io::{self, Write},
    net::Ipv4Addr,
    path::PathBuf,
    process::{Command, Stdio},
};

use hearth_base::Result;

use crate::{LocalRuntimeSettings, host_error::HostErrorContext, programs, settings::PortForward};

use super::Subnet;

/// Networks that no tool may reach: special-purpose addresses (RFC 6890 and its registry), multicast, and the
/// metadata service of Azure, the only one of the large clouds at a public address.
const BLOCKED_NETWORKS: &str = "0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 168.63.129.16, 169.254.0.0/16, \
                       172.16.0.0/12, 192.0.0.0/24, 192.168.0.0/16, 198.18.0.0/15, 224.0.0.0/3";
/// Ports of SMTP: transfer and submission (RFC 5321, RFC 6409, RFC 8314). Mail of a tool that a stranger has taken
/// over would put the host on block lists.
const SMTP_PORTS: &str = "25, 465, 587";

/// A bridge in the firewall.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BridgeRule {
    pub bridge: String,
    /// True: its containers do not reach the services of `hearth.internal`.
    pub is_closed: bool,
}

/// Replaces the table in one transaction, with the given bridges and the addresses without internet access.
pub fn replace_rules(
    settings: &LocalRuntimeSettings,
    subnet: &Subnet,
    bridges: &[BridgeRule],
    inside: &[Ipv4Addr],
) -> Result<()> {
    let instance = settings.instance.as_str();
    let mut script = build_rules(settings, subnet);
    for bridge in bridges {
        script += &build_bridge_elements(instance, bridge, "add");
    }
    for address in inside {
        script += &format!("add element inet hearth_{instance} inside {{ {address} }}\n");
    }
    run_script(&script).with_context("replacing the nftables rules")
}

/// Removes the table, if it exists.
pub fn remove_table(instance: &str) -> Result<()> {
    let table = format!("inet hearth_{instance}");
    run_script(&format!("add table {table}\ndelete table {table}\n"))
        .with_context(format_args!("removing the table {table}"))
}

/// Adds a new bridge in one transaction: allows the traffic within it, which only hosts with `br_netfilter` filter, and
/// closes it to Hearth's services if its rule says so.
pub fn add_bridge(instance: &str, rule: &BridgeRule) -> Result<()> {
    change_bridge(instance, rule, "add")
}

/// Removes the rules of a bridge.
pub fn remove_bridge(instance: &str, rule: &BridgeRule) -> Result<()> {
    change_bridge(instance, rule, "delete")
}

fn change_bridge(instance: &str, rule: &BridgeRule, verb: &str) -> Result<()> {
    run_script(&build_bridge_elements(instance, rule, verb))
        .with_context(format_args!("changing the nftables rule of the bridge {}", rule.bridge))
}

fn build_bridge_elements(instance: &str, rule: &BridgeRule, verb: &str) -> String {
    let (table, bridge) = (format!("inet hearth_{instance}"), &rule.bridge);
    let closed = match rule.is_closed {
        true => format!("{verb} element {table} closed {{ \"{bridge}\" }}\n"),
        false => String::new(),
    };
    format!("{closed}{verb} element {table} same {{ \"{bridge}\" . \"{bridge}\" }}\n")
}

/// Blocks or unblocks all traffic of one address that leaves its network.
pub fn set_internet_blocked(instance: &str, address: Ipv4Addr, inside: bool) -> Result<()> {
    let verb = if inside { "add" } else { "delete" };
    run_script(&format!("{verb} element inet hearth_{instance} inside {{ {address} }}\n"))
        .with_context(format_args!("changing the internet access of {address}"))
}

fn build_rules(settings: &LocalRuntimeSettings, subnet: &Subnet) -> String {
    let instance = &settings.instance;
    let (table, tools) = (format!("inet hearth_{instance}"), format!("\"h{instance}t*\""));
    let (all, service, probe_user) = (subnet.to_cidr(), subnet.service_address(), subnet.probe_user());
    let port_forwards: String = settings
        .port_forwards
        .iter()
        .map(|PortForward { port, target }| {
            format!("\n        iifname {tools} ip daddr {service} tcp dport {port} dnat ip to {target}")
        })
        .collect();
    let mut outgoing = String::new();
    for network in &settings.refused_networks {
        outgoing += &format!("\n        iifname {tools} ip daddr {network} drop");
    }
    if !settings.smtp_allowed {
        // A reset instead of silence: the program fails at once.
        outgoing += &format!("\n        iifname {tools} tcp dport {{ {SMTP_PORTS} }} reject with tcp reset");
    }
    format!(
        "add table {table}
delete table {table}
table {table} {{
    set inside {{ type ipv4_addr; }}
    set same {{ type ifname . ifname; }}
    set closed {{ type ifname; }}
    chain doors {{
        type nat hook prerouting priority dstnat; policy accept;
        iifname @closed return{port_forwards}
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
        iifname {tools} ip daddr {{ {BLOCKED_NETWORKS} }} drop{outgoing}
    }}
    chain input {{
        type filter hook input priority filter; policy accept;
        iifname @closed ct status dnat drop
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

/// Path of `nft`.
pub fn find_nft() -> Result<PathBuf> {
    programs::find_program("nft", "nftables")
}

/// Runs an nft script as one transaction.
fn run_script(script: &str) -> io::Result<()> {
    let program = find_nft().map_err(|error| io::Error::other(error.to_string()))?;
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
    programs::check_success("nft", &child.wait_with_output()?)
}
