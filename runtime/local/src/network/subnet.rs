//! Addresses of one Hearth: a /16 that is unused on the host, divided into a /25 (slice) for each running
//! tool.

use std::{fs, io::Write, net::Ipv4Addr, path::Path};

use hearth_base::{Error, ErrorKind, Result};
use hearth_runtime_api::TOOL_NETWORK_PREFIX_BITS;
use serde::{Deserialize, Serialize};

use crate::{
    host_error::HostErrorContext,
    state_files::{self, StateLayout},
    sys::ids::{IDS_PER_CONTAINER, STORED_ID_BASE},
};

/// Folder where the Hearths of this host claim their subnets.
const CLAIMS_FOLDER: &str = "/run/hearth-subnets";

/// Subnet: a /16 of `10.64.0.0/10`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    second: u8,
}

impl Subnet {
    /// Prefix length of a slice, in bits.
    pub const SLICE_PREFIX_BITS: u8 = TOOL_NETWORK_PREFIX_BITS;

    /// Chooses the earlier subnet, if it is still free, or another one that no route of the host and no other
    /// Hearth uses. Fails with `no-subnet` when none is free.
    pub fn choose_free(instance: &str, layout: &StateLayout) -> Result<Self> {
        let path = layout.subnet_path();
        let before = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok());
        state_files::make_folder(Path::new(CLAIMS_FOLDER), 0o700).with_context("claiming a subnet")?;
        let routes = fs::read_to_string("/proc/net/route").with_context("reading the host's routes")?;
        let start = instance.bytes().fold(0u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
        let others = (0..64u8).map(|offset| Self { second: 64 + start.wrapping_add(offset) % 64 });
        for subnet in before.into_iter().chain(others) {
            if subnet.try_claim(instance, &routes)? {
                state_files::replace_file(&path, &subnet).with_context("storing the subnet")?;
                return Ok(subnet);
            }
        }
        Err(Error::new(
            ErrorKind::Exhausted,
            "no-subnet",
            "every network from 10.64.0.0/16 to 10.127.0.0/16 is used on this host",
        )
        .help("remove unneeded routes, or the claims of removed Hearths in /run/hearth-subnets"))
    }

    /// Claims the subnet for an instance by exclusive creation of a file. The claim of a Hearth that no
    /// longer exists is replaced. Returns false when the subnet is in use.
    fn try_claim(self, instance: &str, routes: &str) -> Result<bool> {
        let claim = Path::new(CLAIMS_FOLDER).join(self.second.to_string());
        let holder = fs::read_to_string(&claim).unwrap_or_default();
        if holder == instance {
            return Ok(true);
        }
        if is_routed(routes, self.base_address()) {
            return Ok(false);
        }
        if !holder.is_empty() && !Path::new(&format!("/run/hearth-{holder}")).exists() {
            state_files::remove_path(&claim).with_context("removing the claim of a removed Hearth")?;
        }
        let made = fs::OpenOptions::new().write(true).create_new(true).open(&claim);
        let Ok(mut file) = made else { return Ok(false) };
        file.write_all(instance.as_bytes()).with_context("claiming a subnet")?;
        Ok(true)
    }

    /// Releases the claims of an instance.
    pub fn release_claims(instance: &str) -> Result<()> {
        let claims = fs::read_dir(CLAIMS_FOLDER).into_iter().flatten().filter_map(Result::ok);
        for claim in claims.filter(|claim| fs::read_to_string(claim.path()).is_ok_and(|it| it == instance)) {
            state_files::remove_path(&claim.path()).with_context("releasing a subnet")?;
        }
        Ok(())
    }

    fn base_address(self) -> u32 {
        u32::from(Ipv4Addr::new(10, self.second, 0, 0))
    }

    /// Subnet in CIDR notation.
    pub fn to_cidr(self) -> String {
        format!("{}/16", Ipv4Addr::from(self.base_address()))
    }

    /// Address of the DNS server and of `hearth.internal`, the only one in the first slice.
    pub fn service_address(self) -> Ipv4Addr {
        Ipv4Addr::from(self.base_address() + 1)
    }

    /// User id of the probe process, after the ids of files that tools own on the disk. Each Hearth has its
    /// own, by which its firewall matches the packets of its probe process.
    pub fn probe_user(self) -> u32 {
        STORED_ID_BASE + IDS_PER_CONTAINER + u32::from(self.second)
    }

    /// Lists the slices for tools.
    pub fn list_slices() -> impl Iterator<Item = u16> {
        1..512
    }

    pub fn slice_network(self, slice: u16) -> Ipv4Addr {
        Ipv4Addr::from(self.base_address() + u32::from(slice) * 128)
    }

    pub fn slice_gateway(self, slice: u16) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.slice_network(slice)) + 1)
    }

    /// Lists the container addresses of a slice.
    pub fn slice_addresses(self, slice: u16) -> impl Iterator<Item = Ipv4Addr> {
        let network = u32::from(self.slice_network(slice));
        (2..127).map(move |host| Ipv4Addr::from(network + host))
    }

    pub fn find_slice(self, address: Ipv4Addr) -> u16 {
        u16::try_from((u32::from(address) & 0xffff) / 128).unwrap_or(0)
    }
}

/// Returns true when a route other than the default route overlaps a /16 (`/proc/net/route`: hexadecimal,
/// host order).
fn is_routed(routes: &str, base: u32) -> bool {
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
    fn routed_network_is_detected() {
        let routes = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n\
                      eth0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\n\
                      br0\t0000460A\t00000000\t0001\t0\t0\t0\t0000FFFF\n";
        assert!(is_routed(routes, u32::from(Ipv4Addr::new(10, 70, 0, 0))));
        assert!(!is_routed(routes, u32::from(Ipv4Addr::new(10, 71, 0, 0))));
    }

    #[test]
    fn slices_do_not_overlap() {
        let subnet = Subnet { second: 64 };
        assert_eq!(subnet.service_address(), Ipv4Addr::new(10, 64, 0, 1));
        assert_eq!(subnet.slice_gateway(3), Ipv4Addr::new(10, 64, 1, 129));
        for slice in [1, 3, 511] {
            assert!(subnet.slice_addresses(slice).all(|address| subnet.find_slice(address) == slice));
        }
    }
}
