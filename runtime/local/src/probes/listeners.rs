//! Listening TCP sockets of a container, which explain a refused connection.

use std::{
    fs::File,
    io::{self, Read},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use hearth_runtime_api::ProbeFailure;

use crate::helper::files::ProcessIdentity;

/// State of a listening socket in the tables (linux/tcp_states.h, `TCP_LISTEN`).
const LISTEN_STATE: &str = "0A";
/// Bytes that are read of each table. The kernel lists listening sockets first.
const MAX_TABLE_BYTES: u64 = 64 << 10;

/// Explains why nothing accepts connections at `port` of the container with this init process. `None` when its
/// sockets do not explain it.
pub fn explain_refusal(init: ProcessIdentity, port: u16) -> Option<ProbeFailure> {
    let tables = ["tcp", "tcp6"].map(|name| read_table(init.pid, name).unwrap_or_default());
    // Checked after the tables are read: a process id may be reused, and these are the container's tables only if
    // its init process still runs.
    init.open_pidfd().and_then(|_running| choose_listener(&tables.concat(), port))
}

fn read_table(pid: i32, name: &str) -> io::Result<String> {
    let mut table = String::new();
    File::open(format!("/proc/{pid}/net/{name}"))?.take(MAX_TABLE_BYTES).read_to_string(&mut table)?;
    Ok(table)
}

/// Chooses the socket to name: the checked port at the loopback interface, then another port that other hosts
/// reach, then any.
fn choose_listener(tables: &str, port: u16) -> Option<ProbeFailure> {
    let mut sockets: Vec<(IpAddr, u16)> = tables.lines().filter_map(parse_listener).collect();
    sockets.sort_unstable_by_key(|(address, bound)| (*bound != port, address.is_loopback(), *bound));
    let (address, bound) = *sockets.first()?;
    let loopback = address.is_loopback();
    (bound != port || loopback).then_some(ProbeFailure::ListensElsewhere { loopback, port: bound })
}

/// Parses a line of `/proc/PID/net/tcp` or `tcp6` (proc(5)): hexadecimal words in the host's byte order. `None`
/// for other than listening sockets.
fn parse_listener(line: &str) -> Option<(IpAddr, u16)> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let (address, port) = fields.next()?.split_once(':')?;
    if fields.nth(1)? != LISTEN_STATE {
        return None;
    }
    let word = |at: usize| u32::from_str_radix(address.get(at * 8..at * 8 + 8)?, 16).ok();
    let address: IpAddr = match address.len() {
        8 => Ipv4Addr::from(word(0)?.to_ne_bytes()).into(),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?].map(u32::to_ne_bytes);
            Ipv6Addr::from(<[u8; 16]>::try_from(words.concat()).ok()?).to_canonical()
        }
        _ => return None,
    };
    Some((address, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE_HEADER: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n";

    /// Builds a line of a table on a little-endian host.
    fn build_line(address: &str, state: &str) -> String {
        format!(
            "   0: {address} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0        0 1 1\n"
        )
    }

    fn choose_from_lines(lines: &[(&str, &str)], port: u16) -> Option<(bool, u16)> {
        let lines: String = lines.iter().map(|(address, state)| build_line(address, state)).collect();
        choose_listener(&format!("{TABLE_HEADER}{lines}"), port).map(|failure| match failure {
            ProbeFailure::ListensElsewhere { loopback, port } => (loopback, port),
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn socket_at_the_loopback_interface_explains_a_refusal() {
        let own = ("0100007F:1F40", "0A");
        let mapped = ("0000000000000000FFFF00000100007F:1F40", "0A");
        let six = ("00000000000000000000000001000000:1F40", "0A");
        for socket in [own, mapped, six] {
            assert_eq!(
                choose_from_lines(&[("00000000:0050", "0A"), socket], 8000),
                Some((true, 8000)),
                "{socket:?}"
            );
        }
    }

    #[test]
    fn other_port_is_named_and_other_hosts_reach_it_first() {
        assert_eq!(
            choose_from_lines(&[("0100007F:1538", "0A"), ("00000000:1388", "0A")], 8000),
            Some((false, 5000))
        );
        assert_eq!(choose_from_lines(&[("0100007F:1538", "0A")], 8000), Some((true, 5432)));
    }

    #[test]
    fn reachable_and_connected_sockets_explain_nothing() {
        assert_eq!(choose_from_lines(&[("00000000:1F40", "0A"), ("0100007F:1F40", "0A")], 8000), None);
        assert_eq!(choose_from_lines(&[("0100007F:1F40", "01")], 8000), None);
        assert_eq!(choose_listener("rubbish\n\u{e9} \u{e9}\u{e9}\u{e9}\u{e9}:1 x 0A\n", 8000), None);
    }
}
