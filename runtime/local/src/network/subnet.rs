//! The addresses of one Hearth: a /16 that nobody else on the host uses, cut into a /25 for each running tool.

use std::{fs, io::Write, net::Ipv4Addr, path::Path};

use hearth_base::{Error, Kind, Result};
use serde::{Deserialize, Serialize};

use crate::{
    disk::{self, Disk},
    failure::Doing,
    sys::ids::{RANGE, STORE},
};

/// Where Hearths of this host say which subnets they use.
const CLAIMS: &str = "/run/hearth-subnets";

/// A /16 of `10.64.0.0/10`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    second: u8,
}

impl Subnet {
    /// Bits of a tool's network.
    pub const SLICE: u8 = 25;

    /// The subnet that was chosen before if it is still free, or another one that no route of the host and no other
    /// Hearth uses.
    pub fn choose(instance: &str, disk: &Disk) -> Result<Self> {
        let path = disk.subnet();
        let before = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok());
        disk::folder(Path::new(CLAIMS), 0o700).doing("claiming a subnet")?;
        let routes = fs::read_to_string("/proc/net/route").doing("reading the host's routes")?;
        let start = instance.bytes().fold(0u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
        let others = (0..64u8).map(|offset| Self { second: 64 + start.wrapping_add(offset) % 64 });
        for subnet in before.into_iter().chain(others) {
            if subnet.claim(instance, &routes)? {
                disk::replace(&path, &subnet).doing("keeping the subnet")?;
                return Ok(subnet);
            }
        }
        Err(Error::new(
            Kind::Exhausted,
            "no-subnet",
            "every network from 10.64.0.0/16 to 10.127.0.0/16 is used on this host",
        )
        .help("remove the routes that are not needed, or what a dead Hearth left"))
    }

    /// Claims it for an instance, by a name that two Hearths can't both make. The claim of a dead one gives way.
    fn claim(self, instance: &str, routes: &str) -> Result<bool> {
        let claim = Path::new(CLAIMS).join(self.second.to_string());
        let holder = fs::read_to_string(&claim).unwrap_or_default();
        if holder == instance {
            return Ok(true);
        }
        if routed(routes, self.base()) {
            return Ok(false);
        }
        if !holder.is_empty() && !Path::new(&format!("/run/hearth-{holder}")).exists() {
            disk::remove(&claim).doing("clearing the claim of a Hearth that is gone")?;
        }
        let made = fs::OpenOptions::new().write(true).create_new(true).open(&claim);
        let Ok(mut file) = made else { return Ok(false) };
        file.write_all(instance.as_bytes()).doing("claiming a subnet")?;
        Ok(true)
    }

    /// Gives back what an instance has claimed.
    pub fn release(instance: &str) -> Result<()> {
        let claims = fs::read_dir(CLAIMS).into_iter().flatten().filter_map(Result::ok);
        for claim in claims.filter(|claim| fs::read_to_string(claim.path()).is_ok_and(|it| it == instance)) {
            disk::remove(&claim.path()).doing("giving back a subnet")?;
        }
        Ok(())
    }

    fn base(self) -> u32 {
        u32::from(Ipv4Addr::new(10, self.second, 0, 0))
    }

    /// The whole of it, as the tables write it.
    pub fn all(self) -> String {
        format!("{}/16", Ipv4Addr::from(self.base()))
    }

    /// The address of what all tools share: the first slice has nothing else.
    pub fn service(self) -> Ipv4Addr {
        Ipv4Addr::from(self.base() + 1)
    }

    /// A user that nobody else on the host is, behind the ids of what tools own on the disk: each Hearth has one, by which
    /// its own tables know its packets.
    pub fn probe_user(self) -> u32 {
        STORE + RANGE + u32::from(self.second)
    }

    /// Slices for tools.
    pub fn slices() -> impl Iterator<Item = u16> {
        1..512
    }

    pub fn network(self, slice: u16) -> Ipv4Addr {
        Ipv4Addr::from(self.base() + u32::from(slice) * 128)
    }

    pub fn gateway(self, slice: u16) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.network(slice)) + 1)
    }

    /// Addresses for containers.
    pub fn addresses(self, slice: u16) -> impl Iterator<Item = Ipv4Addr> {
        let network = u32::from(self.network(slice));
        (2..127).map(move |host| Ipv4Addr::from(network + host))
    }

    pub fn slice_of(self, address: Ipv4Addr) -> u16 {
        u16::try_from((u32::from(address) & 0xffff) / 128).unwrap_or(0)
    }
}

/// Whether a route other than the default one leads into a /16 (`/proc/net/route`: hexadecimal, host order).
fn routed(routes: &str, base: u32) -> bool {
    let fields = routes.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let number = |text: &str| u32::from_str_radix(text, 16).ok().map(u32::swap_bytes);
    let mut networks = fields.filter_map(|fields| Some((number(fields.get(1)?)?, number(fields.get(7)?)?)));
    networks.any(|(network, mask)| {
        let mask = mask & 0xffff_0000;
        mask != 0 && network & mask == base & mask
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_routed_network_is_not_chosen() {
        let routes = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n\
                      eth0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\n\
                      br0\t0000460A\t00000000\t0001\t0\t0\t0\t0000FFFF\n";
        assert!(routed(routes, u32::from(Ipv4Addr::new(10, 70, 0, 0))));
        assert!(!routed(routes, u32::from(Ipv4Addr::new(10, 71, 0, 0))));
    }

    #[test]
    fn slices_do_not_meet() {
        let subnet = Subnet { second: 64 };
        assert_eq!(subnet.service(), Ipv4Addr::new(10, 64, 0, 1));
        assert_eq!(subnet.gateway(3), Ipv4Addr::new(10, 64, 1, 129));
        for slice in [1, 3, 511] {
            assert!(subnet.addresses(slice).all(|address| subnet.slice_of(address) == slice));
        }
    }
}
