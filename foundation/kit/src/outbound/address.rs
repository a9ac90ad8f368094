//! Classification of IP addresses as public, private, or of this host.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

/// Metadata service of Azure ("wire server"). The other clouds have theirs in special-purpose ranges: 169.254.0.0/16,
/// 192.0.0.0/24, 100.64.0.0/10, fd00::/8.
const AZURE_METADATA_ADDRESS: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);
/// Port of a socket that sends nothing (RFC 863, "discard").
const UNUSED_PORT: u16 = 9;

/// True for addresses of the public internet: not a special-purpose address of RFC 6890 and its registries, nor one
/// embedded in an IPv6 address. Documentation addresses (RFC 5737, RFC 3849) count as public: they belong to no
/// private network, and some hosts resolve names to them and translate the addresses of packets.
pub fn is_public_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// True for an address of an interface of this host, also when an IPv6 address embeds it. The kernel is asked each
/// time, so a change of addresses takes effect at once.
pub fn is_own_address(address: IpAddr) -> bool {
    let embedded = match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(address) => extract_inner_v4(address).map(IpAddr::V4),
    };
    is_assigned_address(address) || embedded.is_some_and(is_assigned_address)
}

/// Asks the kernel for the source address of packets to `address` (`connect(2)` of a datagram socket, which sends
/// nothing): packets to an address of this host have the address itself.
fn is_assigned_address(address: IpAddr) -> bool {
    let unspecified: IpAddr = match address {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let source = UdpSocket::bind((unspecified, 0)).and_then(|socket| {
        socket.connect((address, UNUSED_PORT))?;
        socket.local_addr()
    });
    // Without a route to the address, a connection fails as well.
    source.is_ok_and(|source| source.ip() == address)
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = a == 0
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        // Carrier-grade NAT (RFC 6598), protocol assignments, 6to4 relays, benchmarks (RFC 2544).
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19))
        || address == AZURE_METADATA_ADDRESS
        // Reserved addresses and the broadcast address.
        || a >= 240;
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = extract_inner_v4(address) {
        return is_public_v4(inner);
    }
    let [a, b, ..] = address.segments();
    // Only 2000::/3 is assigned as global unicast. Within it 2001::/23 is excluded: protocol assignments and Teredo.
    // Segment routing (5f00::/16) is outside of 2000::/3.
    (0x2000..0x4000).contains(&a) && !(a == 0x2001 && b < 0x0200)
}

/// Extracts the IPv4 address that is embedded in an IPv6 address: mapped, compatible, 6to4, NAT64 (RFC 6052) or
/// ISATAP (RFC 5214).
pub(super) fn extract_inner_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let join = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0xffff | 0) | (0, 0, 0, 0, 0xffff, 0) | (0x64, 0xff9b, 0, 0, 0, 0) => {
            Some(join(g, h))
        }
        (0x2002, ..) => Some(join(b, c)),
        (.., 0 | 0x0200, 0x5efe) => Some(join(g, h)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_not_public_in_any_notation() {
        for text in [
            "127.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "192.0.0.1",
            "198.18.0.1",
            "192.88.99.1",
            // Metadata services of clouds.
            "168.63.129.16",
            "100.100.100.200",
            "192.0.0.192",
            "fd00:ec2::254",
            "fd20:ce::254",
            "::ffff:168.63.129.16",
            "64:ff9b::a83f:8110",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "::ffff:0:127.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "2001::1",
            "2a00:1450::5efe:10.0.0.1",
            "2a00:1450::200:5efe:a9fe:a9fe",
            "fec0::1",
            "100::1",
            "5f00::1",
        ] {
            assert!(!is_public_address(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn other_addresses_are_public() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "100.128.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "2606:4700::1111",
            "2a00:1450::1",
            "2001:4860:4860::8888",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
            "2002:101:101::1",
            // Documentation addresses.
            "203.0.113.7",
            "2001:db8::1",
            "3fff::1",
        ] {
            assert!(is_public_address(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn addresses_of_this_host_are_its_own_in_any_notation() {
        for text in ["127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"] {
            assert!(is_own_address(text.parse().unwrap()), "{text}");
        }
        // The address of an interface, if the host has one.
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        if socket.connect((Ipv4Addr::new(192, 0, 2, 77), UNUSED_PORT)).is_ok() {
            let IpAddr::V4(own) = socket.local_addr().unwrap().ip() else { panic!("an IPv4 address") };
            assert!(is_own_address(own.into()) && is_own_address(own.to_ipv6_mapped().into()), "{own}");
        }
        for text in ["198.51.100.77", "2001:db8::77"] {
            assert!(!is_own_address(text.parse().unwrap()), "{text}");
        }
    }
}
