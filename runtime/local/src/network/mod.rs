//! Networks: a bridge per tool that has something running, addresses on it, and what may pass.
//!
//! Tools are kept apart by construction, each on a bridge of its own; what leaves a bridge goes through the
//! tables of [`filter`].

mod filter;
mod links;
mod netlink;
mod subnet;

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hearth_base::{Error, Kind, Result};
use hearth_runtime_api::{InstanceId, NetworkMode, Owner, Workload};

use crate::{
    disk::{self, Disk},
    failure::Doing,
    names::table::{Entry, Table},
    settings::Doorway,
};

pub use links::{Link, connect, remove_link};
pub use subnet::Subnet;

/// Refuses when the program is missing that networks need.
pub fn programs() -> Result<()> {
    filter::program().map(drop)
}

/// Removes all links and tables of a Hearth that does not run.
pub fn clear(instance: &str) -> Result<()> {
    let own = ["s", "t", "p"].map(|kind| format!("h{instance}{kind}"));
    links::all().iter().filter(|name| own.iter().any(|own| name.starts_with(own))).for_each(|name| {
        remove_link(name);
    });
    filter::remove(instance)?;
    Subnet::release(instance)
}

/// The networks of one Hearth.
#[derive(Debug)]
pub struct Networks {
    instance: String,
    subnet: Subnet,
    disk: Disk,
    all: Mutex<All>,
}

#[derive(Debug, Default)]
struct All {
    joined: BTreeMap<InstanceId, Joined>,
    /// Bridges without containers, and since when: the next container of the tool comes soon as a rule, and
    /// removing a bridge takes the kernel longer than starting a container.
    idle: BTreeMap<Owner, (u16, Instant)>,
}

/// How long a bridge without containers stays.
const IDLE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone)]
struct Joined {
    owner: Owner,
    slice: u16,
    link: Link,
    name: Option<String>,
    domain: Option<String>,
    inside_only: bool,
}

impl Networks {
    /// Chooses a subnet, or keeps the one that was chosen before. What an earlier process let pass goes on
    /// passing until [`Networks::start`].
    pub fn open(instance: &str, disk: Disk) -> Result<Self> {
        let subnet = Subnet::choose(instance, &disk)?;
        links::set_up_service(instance, &subnet)?;
        Ok(Self { instance: instance.to_owned(), subnet, disk, all: Mutex::default() })
    }

    /// Sets up what may pass, and tells names, once all containers of an earlier process have been noted.
    pub fn start(&self, doors: &[Doorway]) -> Result<()> {
        self.clear();
        let all = self.all();
        let mut bridges: Vec<&str> = all.joined.values().map(|joined| joined.link.bridge.as_str()).collect();
        bridges.sort_unstable();
        bridges.dedup();
        let inside =
            all.joined.values().filter(|joined| joined.inside_only).map(|joined| joined.link.address);
        bridges.iter().try_for_each(|bridge| links::open_doors(bridge))?;
        filter::set_up(&self.instance, &self.subnet, doors, &bridges, &inside.collect::<Vec<_>>())?;
        std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").doing("letting packets of tools pass")?;
        self.publish(&all)
    }

    /// Where names are answered, and the door is.
    pub fn service(&self) -> Ipv4Addr {
        self.subnet.service()
    }

    /// The user of the process that sends probes: it reaches this Hearth's containers, and nothing else.
    pub fn probe_user(&self) -> u32 {
        self.subnet.probe_user()
    }

    /// Notes a container that was joined by an earlier process.
    pub fn adopt(&self, instance: InstanceId, workload: &Workload, link: Link) {
        let slice = self.subnet.slice_of(link.address);
        let joined = self.entry(workload, slice, link);
        self.all().joined.insert(instance, joined);
    }

    /// Gives a container an address on its tool's bridge, which is made when it is the first one there.
    pub fn join(&self, instance: InstanceId, workload: &Workload) -> Result<Link> {
        let mut all = self.all();
        let own =
            all.joined.values().find(|joined| joined.owner == workload.owner).map(|joined| joined.slice);
        let own = own.or_else(|| all.idle.get(&workload.owner).map(|(slice, _)| *slice));
        let slice = match own {
            Some(slice) => slice,
            None => self.free_slice(&all)?,
        };
        let taken: Vec<Ipv4Addr> = all.joined.values().map(|joined| joined.link.address).collect();
        let address =
            self.subnet.addresses(slice).find(|address| !taken.contains(address)).ok_or_else(|| {
                Error::new(Kind::Exhausted, "network-full", "this tool has no more addresses on this machine")
                    .help("run fewer containers of it at once")
            })?;
        let bridge = self.bridge(slice);
        let link = Link {
            port: format!("h{}p{:x}", self.instance, u32::from(address) & 0xffff),
            bridge: bridge.clone(),
            address,
            prefix: Subnet::SLICE,
            gateway: self.subnet.gateway(slice),
            dns: self.service(),
        };
        if own.is_none() {
            links::make_bridge(&bridge, link.gateway, Subnet::SLICE)?;
            filter::within(&self.instance, &bridge, true)?;
        }
        if workload.network.mode == NetworkMode::Inside {
            filter::keep_inside(&self.instance, address, true)?;
        }
        all.idle.remove(&workload.owner);
        all.joined.insert(instance, self.entry(workload, slice, link.clone()));
        self.publish(&all)?;
        Ok(link)
    }

    /// Takes a container off its network; the bridge goes some time after the last one.
    pub fn leave(&self, instance: InstanceId) {
        let left = self.all().joined.get(&instance).cloned();
        let Some(left) = left else { return };
        // The address is given to nobody else before its cable is gone.
        remove_link(&left.link.port);
        let mut all = self.all();
        all.joined.remove(&instance);
        if !all.joined.values().any(|joined| joined.slice == left.slice) {
            all.idle.insert(left.owner, (left.slice, Instant::now()));
        }
        let cleared = match left.inside_only {
            true => filter::keep_inside(&self.instance, left.link.address, false),
            false => Ok(()),
        };
        if let Err(error) = cleared.and(self.publish(&all)) {
            tracing::warn!(%error, %instance, "a container has not left its network cleanly");
        }
    }

    /// Removes bridges that nobody has come back to.
    pub fn sweep(&self) {
        let mut all = self.all();
        let old: Vec<Owner> = all
            .idle
            .iter()
            .filter(|(_, (_, since))| since.elapsed() >= IDLE)
            .map(|(owner, _)| *owner)
            .collect();
        for (_, (slice, _)) in old.into_iter().filter_map(|owner| all.idle.remove_entry(&owner)) {
            let bridge = self.bridge(slice);
            remove_link(&bridge);
            if let Err(error) = filter::within(&self.instance, &bridge, false) {
                tracing::warn!(%error, bridge, "a bridge is gone and its rule is not");
            }
        }
    }

    /// Removes bridges and ports of this Hearth that belong to no container.
    fn clear(&self) {
        let all = self.all();
        let used = |name: &str| {
            all.joined.values().any(|joined| joined.link.bridge == name || joined.link.port == name)
        };
        let own = [format!("h{}t", self.instance), format!("h{}p", self.instance)];
        for name in
            links::all().into_iter().filter(|name| own.iter().any(|own| name.starts_with(own.as_str())))
        {
            if !used(&name) {
                remove_link(&name);
            }
        }
    }

    fn free_slice(&self, all: &All) -> Result<u16> {
        let mut idle = all.idle.values().map(|(slice, _)| *slice);
        let mut taken = all.joined.values().map(|joined| joined.slice).chain(&mut idle).collect::<Vec<_>>();
        taken.sort_unstable();
        let free = Subnet::slices().find(|slice| taken.binary_search(slice).is_err());
        free.ok_or_else(|| {
            Error::new(
                Kind::Exhausted,
                "networks-used-up",
                "this machine has no network left for another tool",
            )
            .help("stop some tools, or move some to another machine")
        })
    }

    fn entry(&self, workload: &Workload, slice: u16, link: Link) -> Joined {
        let network = &workload.network;
        Joined {
            owner: workload.owner,
            slice,
            link,
            name: network.name.as_ref().map(ToString::to_string),
            domain: network.tool.as_ref().map(ToString::to_string),
            inside_only: network.mode == NetworkMode::Inside,
        }
    }

    /// Tells the answerer of names who is where.
    fn publish(&self, all: &All) -> Result<()> {
        let entries = all.joined.values().filter_map(|joined| {
            Some(Entry {
                network: self.subnet.network(joined.slice),
                name: joined.name.clone()?,
                domain: joined.domain.clone(),
                address: joined.link.address,
            })
        });
        let table = Table { door: self.service(), prefix: Subnet::SLICE, entries: entries.collect() };
        disk::tell_all(&self.disk.names(), &table).doing("telling names")
    }

    fn bridge(&self, slice: u16) -> String {
        format!("h{}t{slice:x}", self.instance)
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
