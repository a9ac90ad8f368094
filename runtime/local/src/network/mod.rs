//! Networks: a bridge with addresses for each tool that has running containers, and the firewall.
//!
//! Each tool and each preview has its own bridge, so they are isolated by construction. Containers that do not reach
//! Hearth's services have another bridge than the owner's others: the firewall closes a bridge as a whole, since a
//! container could take another address. Traffic that leaves a bridge passes the rules of [`firewall`].

mod firewall;
mod links;
mod netlink;
mod subnet;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hearth_base::{Error, ErrorKind, Result};
use hearth_runtime_api::{InstanceId, NetworkMode, Owner, Workload};

use crate::{
    LocalRuntimeSettings,
    dns::table::{DnsEntry, DnsTable},
    host_error::HostErrorContext,
    state_files::{self, StateLayout},
};

use firewall::BridgeRule;
pub use links::{ContainerLink, connect_container, remove_link};
pub use subnet::Subnet;

/// Fails when `nft` is not installed.
pub fn check_nft_installed() -> Result<()> {
    firewall::find_nft().map(drop)
}

/// Removes all links, the nftables table and the subnet claim of a Hearth that does not run.
pub fn remove_networks(instance: &str) -> Result<()> {
    let own = ["s", "t", "p"].map(|kind| format!("h{instance}{kind}"));
    links::list_links().iter().filter(|name| own.iter().any(|own| name.starts_with(own))).for_each(|name| {
        remove_link(name);
    });
    firewall::remove_table(instance)?;
    Subnet::release_claims(instance)
}

/// Networks of one Hearth.
#[derive(Debug)]
pub struct Networks {
    instance: String,
    subnet: Subnet,
    layout: StateLayout,
    state: Mutex<NetworkState>,
}

#[derive(Debug, Default)]
struct NetworkState {
    containers: BTreeMap<InstanceId, ConnectedContainer>,
    /// Slices of bridges without containers, and the time since when. They are kept for a while, because the
    /// tool often starts its next container soon, and the kernel needs longer to remove a bridge than to
    /// start a container.
    idle_bridges: BTreeMap<NetworkKey, (u16, Instant)>,
}

/// The containers that share a bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct NetworkKey {
    owner: Owner,
    /// True for containers that do not reach Hearth's services.
    is_closed: bool,
}

impl NetworkKey {
    fn from_workload(workload: &Workload) -> Self {
        Self { owner: workload.owner, is_closed: workload.network.without_services }
    }
}

/// Time after which a bridge without containers is removed.
const IDLE_BRIDGE_LIFETIME: Duration = Duration::from_secs(10);

#[derive(Debug, Clone)]
struct ConnectedContainer {
    key: NetworkKey,
    slice: u16,
    link: ContainerLink,
    name: Option<String>,
    domain: Option<String>,
    inside_only: bool,
}

impl Networks {
    /// Chooses a subnet, or keeps the earlier one. The firewall rules of an earlier process stay in force
    /// until [`Networks::start`].
    pub fn open(instance: &str, layout: StateLayout) -> Result<Self> {
        let subnet = Subnet::choose_free(instance, &layout)?;
        links::make_service_link(instance, &subnet)?;
        Ok(Self { instance: instance.to_owned(), subnet, layout, state: Mutex::default() })
    }

    /// Replaces the firewall rules and publishes the DNS table. Call it after all containers of an earlier
    /// process are adopted.
    pub fn start(&self, settings: &LocalRuntimeSettings) -> Result<()> {
        self.remove_unused_links();
        let state = self.lock_state();
        let mut bridges: Vec<BridgeRule> = state
            .containers
            .values()
            .map(|container| BridgeRule {
                bridge: container.link.bridge.clone(),
                is_closed: container.key.is_closed,
            })
            .collect();
        bridges.sort_unstable();
        bridges.dedup();
        let inside = state
            .containers
            .values()
            .filter(|container| container.inside_only)
            .map(|container| container.link.address);
        bridges.iter().try_for_each(|rule| links::enable_route_localnet(&rule.bridge))?;
        firewall::replace_rules(settings, &self.subnet, &bridges, &inside.collect::<Vec<_>>())?;
        std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").with_context("enabling IP forwarding")?;
        self.publish_dns_table(&state)
    }

    /// Address of the DNS server and of `hearth.internal`.
    pub fn service_address(&self) -> Ipv4Addr {
        self.subnet.service_address()
    }

    /// User id of the probe process: the firewall lets it reach only this Hearth's containers.
    pub fn probe_user(&self) -> u32 {
        self.subnet.probe_user()
    }

    /// Registers a container that an earlier process has connected.
    pub fn adopt_container(&self, instance: InstanceId, workload: &Workload, link: ContainerLink) {
        let slice = self.subnet.find_slice(link.address);
        let container = self.build_connected_container(workload, slice, link);
        self.lock_state().containers.insert(instance, container);
    }

    /// Assigns a container an address on its tool's bridge. The bridge is made for the tool's first
    /// container.
    pub fn join_network(&self, instance: InstanceId, workload: &Workload) -> Result<ContainerLink> {
        let mut state = self.lock_state();
        let key = NetworkKey::from_workload(workload);
        let own =
            state.containers.values().find(|container| container.key == key).map(|container| container.slice);
        let own = own.or_else(|| state.idle_bridges.get(&key).map(|(slice, _)| *slice));
        let slice = match own {
            Some(slice) => slice,
            None => self.find_free_slice(&state)?,
        };
        let taken: Vec<Ipv4Addr> =
            state.containers.values().map(|container| container.link.address).collect();
        let address =
            self.subnet.slice_addresses(slice).find(|address| !taken.contains(address)).ok_or_else(|| {
                Error::new(ErrorKind::Exhausted, "network-full", "this tool has no free address on this host")
                    .help("run fewer containers of this tool at once")
            })?;
        let bridge = self.bridge_name(slice);
        let link = ContainerLink {
            port: format!("h{}p{:x}", self.instance, u32::from(address) & 0xffff),
            bridge: bridge.clone(),
            address,
            prefix: Subnet::SLICE_PREFIX_BITS,
            gateway: self.subnet.slice_gateway(slice),
            dns: self.service_address(),
        };
        if own.is_none() {
            links::make_bridge(&bridge, link.gateway, Subnet::SLICE_PREFIX_BITS)?;
            firewall::add_bridge(&self.instance, &BridgeRule { bridge, is_closed: key.is_closed })?;
        }
        if workload.network.mode == NetworkMode::Inside {
            firewall::set_internet_blocked(&self.instance, address, true)?;
        }
        state.idle_bridges.remove(&key);
        state.containers.insert(instance, self.build_connected_container(workload, slice, link.clone()));
        self.publish_dns_table(&state)?;
        Ok(link)
    }

    /// True if a container of the owner is connected.
    pub fn has_container(&self, owner: Owner) -> bool {
        self.lock_state().containers.values().any(|container| container.key.owner == owner)
    }

    /// Disconnects a container from its network. The bridge is removed some time after its last container.
    pub fn leave_network(&self, instance: InstanceId) {
        let container = self.lock_state().containers.get(&instance).cloned();
        let Some(container) = container else { return };
        // The link is removed before the address becomes free for another container.
        remove_link(&container.link.port);
        let mut state = self.lock_state();
        state.containers.remove(&instance);
        if !state.containers.values().any(|other| other.slice == container.slice) {
            state.idle_bridges.insert(container.key, (container.slice, Instant::now()));
        }
        let cleared = match container.inside_only {
            true => firewall::set_internet_blocked(&self.instance, container.link.address, false),
            false => Ok(()),
        };
        if let Err(error) = cleared.and(self.publish_dns_table(&state)) {
            tracing::warn!(%error, %instance, "network of a container not cleaned up");
        }
    }

    /// Removes bridges that have had no container for some time.
    pub fn remove_idle_bridges(&self) {
        let mut state = self.lock_state();
        let old: Vec<NetworkKey> = state
            .idle_bridges
            .iter()
            .filter(|(_, (_, since))| since.elapsed() >= IDLE_BRIDGE_LIFETIME)
            .map(|(key, _)| *key)
            .collect();
        for (key, (slice, _)) in old.into_iter().filter_map(|key| state.idle_bridges.remove_entry(&key)) {
            let rule = BridgeRule { bridge: self.bridge_name(slice), is_closed: key.is_closed };
            remove_link(&rule.bridge);
            if let Err(error) = firewall::remove_bridge(&self.instance, &rule) {
                tracing::warn!(%error, bridge = rule.bridge, "nftables rule of a removed bridge not removed");
            }
        }
    }

    /// Removes this Hearth's bridges and veth interfaces that belong to no container.
    fn remove_unused_links(&self) {
        let state = self.lock_state();
        let used = |name: &str| {
            state
                .containers
                .values()
                .any(|container| container.link.bridge == name || container.link.port == name)
        };
        let own = [format!("h{}t", self.instance), format!("h{}p", self.instance)];
        for name in links::list_links()
            .into_iter()
            .filter(|name| own.iter().any(|own| name.starts_with(own.as_str())))
        {
            if !used(&name) {
                remove_link(&name);
            }
        }
    }

    fn find_free_slice(&self, state: &NetworkState) -> Result<u16> {
        let mut idle = state.idle_bridges.values().map(|(slice, _)| *slice);
        let mut taken =
            state.containers.values().map(|container| container.slice).chain(&mut idle).collect::<Vec<_>>();
        taken.sort_unstable();
        let free = Subnet::list_slices().find(|slice| taken.binary_search(slice).is_err());
        free.ok_or_else(|| {
            Error::new(
                ErrorKind::Exhausted,
                "networks-used-up",
                "this host has no free network for another tool",
            )
            .help("stop some tools, or move some to another host")
        })
    }

    fn build_connected_container(
        &self,
        workload: &Workload,
        slice: u16,
        link: ContainerLink,
    ) -> ConnectedContainer {
        let network = &workload.network;
        ConnectedContainer {
            key: NetworkKey::from_workload(workload),
            slice,
            link,
            name: network.name.as_ref().map(ToString::to_string),
            domain: network.tool.as_ref().map(ToString::to_string),
            inside_only: network.mode == NetworkMode::Inside,
        }
    }

    /// Writes the table of the DNS server.
    fn publish_dns_table(&self, state: &NetworkState) -> Result<()> {
        let entries = state.containers.values().filter_map(|container| {
            Some(DnsEntry {
                network: self.subnet.slice_network(container.slice),
                name: container.name.clone()?,
                domain: container.domain.clone(),
                address: container.link.address,
            })
        });
        let closed = state.containers.values().filter(|container| container.key.is_closed);
        let closed: BTreeSet<Ipv4Addr> =
            closed.map(|container| self.subnet.slice_network(container.slice)).collect();
        let table = DnsTable {
            service_address: self.service_address(),
            prefix: Subnet::SLICE_PREFIX_BITS,
            entries: entries.collect(),
            closed_networks: closed.into_iter().collect(),
        };
        state_files::replace_public_file(&self.layout.dns_table_path(), &table)
            .with_context("writing the DNS table")
    }

    fn bridge_name(&self, slice: u16) -> String {
        format!("h{}t{slice:x}", self.instance)
    }

    fn lock_state(&self) -> MutexGuard<'_, NetworkState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
