//! Who is where, as the runtime's process tells it and the answerer of names reads it.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

/// What Hearth itself is called inside.
pub const DOOR: &str = "hearth.internal";
/// What follows a job's name and `tool-TOOL` in its full name, as on Kubernetes.
const SUFFIX: &str = ".svc.cluster.local";

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    pub door: Ipv4Addr,
    /// Bits of a tool's network.
    pub prefix: u8,
    pub entries: Vec<Entry>,
}

/// One container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its tool's network.
    pub network: Ipv4Addr,
    pub name: String,
    /// Its tool's name.
    pub domain: Option<String>,
    pub address: Ipv4Addr,
}

impl Table {
    /// What a name means to the container that asks: `None` when it is not one of ours, no addresses when it is
    /// and nobody has it. A tool finds its own jobs only.
    pub fn find(&self, asker: Ipv4Addr, name: &str) -> Option<Vec<Ipv4Addr>> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        if name == DOOR {
            return Some(vec![self.door]);
        }
        let mask = u32::MAX << (32 - u32::from(self.prefix.clamp(1, 32)));
        let network = Ipv4Addr::from(u32::from(asker) & mask);
        let full = name.strip_suffix(SUFFIX);
        if full.is_none() && name.contains('.') {
            return None;
        }
        let is = |entry: &&Entry| match full {
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
    fn a_tool_finds_its_own_jobs_only() {
        let entry = |network, name: &str, domain: &str, address| Entry {
            network: Ipv4Addr::from(network),
            name: name.to_owned(),
            domain: Some(domain.to_owned()),
            address: Ipv4Addr::from(address),
        };
        let table = Table {
            door: Ipv4Addr::new(10, 64, 0, 1),
            prefix: 25,
            entries: vec![
                entry([10, 64, 0, 128], "web", "one", [10, 64, 0, 130]),
                entry([10, 64, 0, 128], "web", "one", [10, 64, 0, 131]),
                entry([10, 64, 1, 0], "web", "two", [10, 64, 1, 2]),
            ],
        };
        let one = Ipv4Addr::new(10, 64, 0, 135);
        let found = |name| table.find(one, name).map(|found| found.len());
        assert_eq!(found("Web."), Some(2));
        assert_eq!(found("web.tool-one.svc.cluster.local"), Some(2));
        assert_eq!(found("web.tool-two.svc.cluster.local"), Some(0));
        assert_eq!(found("nobody"), Some(0));
        assert_eq!(found("hearth.internal"), Some(1));
        assert_eq!(found("example.org"), None);
    }
}
