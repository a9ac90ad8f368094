//! Table of container names and addresses: the runtime process writes it, the DNS server reads it.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

/// Name of Hearth's own services inside of containers.
pub const HEARTH_HOSTNAME: &str = "hearth.internal";
/// Suffix of a job's full name `JOB.tool-TOOL.svc.cluster.local`, as on Kubernetes.
const CLUSTER_DOMAIN_SUFFIX: &str = ".svc.cluster.local";

/// Table of the DNS server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsTable {
    pub service_address: Ipv4Addr,
    /// Prefix length of a tool's network, in bits.
    pub prefix: u8,
    pub entries: Vec<DnsEntry>,
    /// Networks without Hearth's services, as those of previews.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closed_networks: Vec<Ipv4Addr>,
}

/// Name and address of one container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsEntry {
    /// Network of its tool.
    pub network: Ipv4Addr,
    pub name: String,
    /// Name of its tool.
    pub domain: Option<String>,
    pub address: Ipv4Addr,
}

impl DnsTable {
    /// Resolves a name for the container at the address `client`. `None` if the name is not internal; an
    /// empty list if it is internal and no container has it. A tool resolves only its own jobs, and a network without
    /// Hearth's services none of their names.
    pub fn find_addresses(&self, client: Ipv4Addr, name: &str) -> Option<Vec<Ipv4Addr>> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let mask = u32::MAX << (32 - u32::from(self.prefix.clamp(1, 32)));
        let network = Ipv4Addr::from(u32::from(client) & mask);
        let is_service =
            name.strip_suffix(HEARTH_HOSTNAME).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        if is_service && self.closed_networks.contains(&network) {
            return Some(Vec::new());
        }
        if name == HEARTH_HOSTNAME {
            return Some(vec![self.service_address]);
        }
        let full = name.strip_suffix(CLUSTER_DOMAIN_SUFFIX);
        if full.is_none() && name.contains('.') {
            return None;
        }
        let is = |entry: &&DnsEntry| match full {
            None => entry.name == name,
            Some(full) => {
                entry.domain.as_ref().is_some_and(|domain| full == format!("{}.tool-{domain}", entry.name))
            }
        };
        let own = self.entries.iter().filter(|entry| entry.network == network);
        Some(own.filter(is).map(|entry| entry.address).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tool_resolves_only_its_own_jobs() {
        let entry = |network, name: &str, domain: &str, address| DnsEntry {
            network: Ipv4Addr::from(network),
            name: name.to_owned(),
            domain: Some(domain.to_owned()),
            address: Ipv4Addr::from(address),
        };
        let table = DnsTable {
            service_address: Ipv4Addr::new(10, 64, 0, 1),
            prefix: 25,
            entries: vec![
                entry([10, 64, 0, 128], "web", "one", [10, 64, 0, 130]),
                entry([10, 64, 0, 128], "web", "one", [10, 64, 0, 131]),
                entry([10, 64, 1, 0], "web", "two", [10, 64, 1, 2]),
            ],
            closed_networks: Vec::new(),
        };
        let one = Ipv4Addr::new(10, 64, 0, 135);
        let found = |name| table.find_addresses(one, name).map(|found| found.len());
        assert_eq!(found("Web."), Some(2));
        assert_eq!(found("web.tool-one.svc.cluster.local"), Some(2));
        assert_eq!(found("web.tool-two.svc.cluster.local"), Some(0));
        assert_eq!(found("nobody"), Some(0));
        assert_eq!(found("hearth.internal"), Some(1));
        assert_eq!(found("example.org"), None);
    }

    #[test]
    fn network_without_services_resolves_none_of_their_names() {
        let network = Ipv4Addr::new(10, 64, 0, 128);
        let entry = DnsEntry {
            network,
            name: "web--pr-7".to_owned(),
            domain: None,
            address: Ipv4Addr::new(10, 64, 0, 131),
        };
        let table = DnsTable {
            service_address: Ipv4Addr::new(10, 64, 0, 1),
            prefix: 25,
            entries: vec![entry],
            closed_networks: vec![network],
        };
        let (closed, open) = (Ipv4Addr::new(10, 64, 0, 135), Ipv4Addr::new(10, 64, 1, 2));
        let found = |client, name| table.find_addresses(client, name).map(|found| found.len());
        for name in ["hearth.internal", "HEARTH.internal.", "postgres.hearth.internal"] {
            assert_eq!(found(closed, name), Some(0), "{name}");
        }
        assert_eq!((found(closed, "web--pr-7"), found(closed, "web")), (Some(1), Some(0)));
        assert_eq!((found(open, "hearth.internal"), found(open, "web--pr-7")), (Some(1), Some(0)));
        assert_eq!(found(closed, "nothearth.internal"), None);
    }
}
