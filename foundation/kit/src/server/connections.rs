//! Limits of concurrent connections: of the listener, and of each client address.
//!
//! | a new connection | effect |
//! |---|---|
//! | within the limits | admitted |
//! | beyond the limit of its address | admitted; the address's longest idle one is closed |
//! | beyond the limit of the listener | admitted; the longest idle one of the largest address is closed |
//! | beyond a limit, and none is idle | refused |
//!
//! A connection is idle while its client has sent no complete head of a request: before the first request, between two,
//! and while a head arrives slowly.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustix::process::{Resource, getrlimit};
use tokio_util::sync::CancellationToken;

use crate::config::DoorSettings;

/// Maximum number of connections of a listener whose peers are parts of Hearth.
const MAX_INTERNAL_CONNECTIONS: usize = 8192;
/// Maximum time for a request's head on a listener whose peers are parts of Hearth.
const INTERNAL_HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// Open files that are reserved for everything but connections.
const RESERVED_FILES: u64 = 256;
/// Open files of one connection: its own socket, and one to a tool or a service.
const FILES_PER_CONNECTION: u64 = 2;

/// Limits of the connections of a listener.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// Maximum number of open connections.
    pub max_connections: usize,
    /// Maximum number of open connections of one address block; `None`: no limit.
    pub max_per_address: Option<usize>,
    /// Addresses without a limit of their own: proxies, whose connections belong to many clients.
    pub exempt_addresses: Vec<IpAddr>,
    /// Maximum time to receive a request's head, which includes the idle time of a kept-alive connection.
    pub head_timeout: Duration,
    /// Maximum time to wait for a client that sends a body or reads a response; `None`: no limit.
    pub stall_timeout: Option<Duration>,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            max_connections: fit_to_open_files(MAX_INTERNAL_CONNECTIONS),
            max_per_address: None,
            exempt_addresses: Vec::new(),
            head_timeout: INTERNAL_HEAD_TIMEOUT,
            stall_timeout: None,
        }
    }
}

impl ConnectionLimits {
    /// The limits of a listener for clients from outside.
    pub fn from_door(door: &DoorSettings) -> Self {
        Self {
            max_connections: fit_to_open_files(door.connections),
            max_per_address: Some(door.connections_per_address.max(1)),
            exempt_addresses: door.trusted_proxies.clone(),
            head_timeout: Duration::from_secs(door.head_timeout),
            stall_timeout: Some(Duration::from_secs(door.stall_timeout)),
        }
    }
}

/// Reduces a number of connections to what the process's limit of open files allows: without a free file nothing works,
/// not even the databases.
pub fn fit_to_open_files(connections: usize) -> usize {
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let allowed = (files.saturating_sub(RESERVED_FILES) / FILES_PER_CONNECTION).max(1);
    connections.clamp(1, usize::try_from(allowed).unwrap_or(usize::MAX))
}

/// The addresses that count as one client: an IPv4 address, or an IPv6 network of 64 bits, which is the least that a
/// subscriber gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AddressBlock(IpAddr);

impl AddressBlock {
    /// The block of an address.
    pub fn from_address(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = u128::from(address) & !u128::from(u64::MAX);
                Self(IpAddr::V6(Ipv6Addr::from(network)))
            }
            address @ IpAddr::V4(_) => Self(address),
        }
    }
}

impl std::fmt::Display for AddressBlock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(f, "{address}"),
            IpAddr::V6(network) => write!(f, "{network}/64"),
        }
    }
}

/// Error: a limit of connections is reached, and none of them is idle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyConnections;

impl std::fmt::Display for TooManyConnections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("too many connections")
    }
}

impl std::error::Error for TooManyConnections {}

/// The open connections of a listener.
pub struct ConnectionTable {
    limits: ConnectionLimits,
    state: Mutex<TableState>,
}

#[derive(Default)]
struct TableState {
    /// The last number that was given to a connection or to a beginning of idle time.
    last_number: u64,
    connections: BTreeMap<u64, OpenConnection>,
    blocks: BTreeMap<AddressBlock, BlockConnections>,
}

struct OpenConnection {
    block: AddressBlock,
    /// Number of the beginning of its idle time; `None` while it is busy.
    idle_since: Option<u64>,
    close: CancellationToken,
}

#[derive(Default)]
struct BlockConnections {
    open: usize,
    /// Idle connections by the beginning of their idle time.
    idle: BTreeMap<u64, u64>,
}

impl ConnectionTable {
    /// An empty table.
    pub fn new(limits: ConnectionLimits) -> Self {
        Self { limits, state: Mutex::default() }
    }

    /// Admits a connection, if necessary in place of an idle one.
    pub fn admit_connection(
        self: &Arc<Self>,
        address: IpAddr,
    ) -> Result<ConnectionPermit, TooManyConnections> {
        let block = AddressBlock::from_address(address);
        let is_exempt = self.limits.exempt_addresses.contains(&address.to_canonical());
        let mut state = self.lock();
        let open = state.blocks.get(&block).map_or(0, |connections| connections.open);
        if !is_exempt && self.limits.max_per_address.is_some_and(|max| open >= max) {
            state.close_longest_idle(block)?;
        }
        if state.connections.len() >= self.limits.max_connections {
            let largest = state.find_largest_idle_block().ok_or(TooManyConnections)?;
            state.close_longest_idle(largest)?;
        }
        let (close, number) = (CancellationToken::new(), state.take_number());
        state.connections.insert(number, OpenConnection { block, idle_since: None, close: close.clone() });
        state.blocks.entry(block).or_default().open += 1;
        state.set_idle(number);
        drop(state);
        Ok(ConnectionPermit { table: self.clone(), number, close })
    }

    fn lock(&self) -> MutexGuard<'_, TableState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TableState {
    fn take_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Finds the block with the most connections among those that have an idle one.
    fn find_largest_idle_block(&self) -> Option<AddressBlock> {
        let idle = self.blocks.iter().filter(|(_, connections)| !connections.idle.is_empty());
        idle.max_by_key(|(_, connections)| connections.open).map(|(block, _)| *block)
    }

    fn close_longest_idle(&mut self, block: AddressBlock) -> Result<(), TooManyConnections> {
        let connections = self.blocks.get(&block).ok_or(TooManyConnections)?;
        let number = *connections.idle.first_key_value().ok_or(TooManyConnections)?.1;
        if let Some(connection) = self.remove(number) {
            connection.close.cancel();
        }
        Ok(())
    }

    fn set_idle(&mut self, number: u64) {
        let idle_since = self.take_number();
        if let Some(connection) = self.connections.get_mut(&number) {
            connection.idle_since = Some(idle_since);
            self.blocks.entry(connection.block).or_default().idle.insert(idle_since, number);
        }
    }

    /// Marks a connection as busy. Returns false if it has been closed in favor of another one.
    fn set_busy(&mut self, number: u64) -> bool {
        let Some(connection) = self.connections.get_mut(&number) else { return false };
        if let (Some(idle_since), Some(block)) =
            (connection.idle_since.take(), self.blocks.get_mut(&connection.block))
        {
            block.idle.remove(&idle_since);
        }
        true
    }

    fn remove(&mut self, number: u64) -> Option<OpenConnection> {
        let connection = self.connections.remove(&number)?;
        if let Some(block) = self.blocks.get_mut(&connection.block) {
            block.open = block.open.saturating_sub(1);
            if let Some(idle_since) = connection.idle_since {
                block.idle.remove(&idle_since);
            }
            if block.open == 0 {
                self.blocks.remove(&connection.block);
            }
        }
        Some(connection)
    }
}

/// Permit of one connection, which counts until the permit is dropped.
pub struct ConnectionPermit {
    table: Arc<ConnectionTable>,
    number: u64,
    close: CancellationToken,
}

impl ConnectionPermit {
    /// The limits of the listener.
    pub fn connection_limits(&self) -> &ConnectionLimits {
        &self.table.limits
    }

    /// The token that closes the connection.
    pub fn close_token(&self) -> CancellationToken {
        self.close.clone()
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.table.lock().remove(self.number);
    }
}

/// Marks a connection as busy until it is dropped.
pub struct BusyGuard {
    permit: Arc<ConnectionPermit>,
    stays_busy: bool,
}

impl BusyGuard {
    /// Marks the connection as busy; `None` if it has been closed in favor of another one.
    pub fn new(permit: Arc<ConnectionPermit>) -> Option<Self> {
        let is_open = permit.table.lock().set_busy(permit.number);
        is_open.then_some(Self { permit, stays_busy: false })
    }

    /// Leaves the connection busy until it is closed.
    pub fn keep_busy(mut self) {
        self.stays_busy = true;
    }
}

impl Drop for BusyGuard {
    fn drop(&mut self) {
        if !self.stays_busy {
            self.permit.table.lock().set_idle(self.permit.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create_table(max_connections: usize, max_per_address: usize) -> Arc<ConnectionTable> {
        Arc::new(ConnectionTable::new(ConnectionLimits {
            max_connections,
            max_per_address: Some(max_per_address),
            exempt_addresses: vec![[10, 0, 0, 9].into()],
            ..ConnectionLimits::default()
        }))
    }

    fn admit_from(
        table: &Arc<ConnectionTable>,
        host: u8,
    ) -> Result<Arc<ConnectionPermit>, TooManyConnections> {
        table.admit_connection([10, 0, 0, host].into()).map(Arc::new)
    }

    #[test]
    fn address_beyond_its_limit_loses_its_longest_idle_connection() {
        let table = create_table(100, 2);
        let (first, second) = (admit_from(&table, 1).unwrap(), admit_from(&table, 1).unwrap());
        let other = admit_from(&table, 2).unwrap();
        // After its request the first one is the last to have become idle.
        drop(BusyGuard::new(first.clone()).unwrap());
        let third = admit_from(&table, 1).unwrap();
        let closed = [&first, &second, &third, &other].map(|permit| permit.close_token().is_cancelled());
        assert_eq!(closed, [false, true, false, false]);
        assert!(BusyGuard::new(second.clone()).is_none());
        // A closed connection is not counted twice when it is dropped.
        drop(second);
        assert_eq!(table.lock().connections.len(), 3);
    }

    #[test]
    fn busy_connections_are_not_closed_and_further_ones_are_refused() {
        let table = create_table(100, 2);
        let permits = [admit_from(&table, 1).unwrap(), admit_from(&table, 1).unwrap()];
        let busy = permits.clone().map(|permit| BusyGuard::new(permit).unwrap());
        assert_eq!(admit_from(&table, 1).err(), Some(TooManyConnections));
        assert!(admit_from(&table, 2).is_ok());
        drop(busy);
        assert!(admit_from(&table, 1).is_ok());
        BusyGuard::new(permits[1].clone()).unwrap().keep_busy();
        assert!(table.lock().connections[&permits[1].number].idle_since.is_none());
    }

    #[test]
    fn full_listener_closes_an_idle_connection_of_the_largest_address() {
        let table = create_table(4, 3);
        let many = [1, 1, 1].map(|host| admit_from(&table, host).unwrap());
        let one = admit_from(&table, 2).unwrap();
        let next = admit_from(&table, 3).unwrap();
        assert!(many[0].close_token().is_cancelled());
        assert!(!one.close_token().is_cancelled() && !next.close_token().is_cancelled());
        assert_eq!(table.lock().connections.len(), 4);
        drop((many, one, next));
        let state = table.lock();
        assert!(state.connections.is_empty() && state.blocks.is_empty());
    }

    #[test]
    fn trusted_proxy_has_no_limit_of_its_own() {
        let table = create_table(100, 2);
        let permits: Vec<_> = (0..10).map(|_| admit_from(&table, 9).unwrap()).collect();
        assert!(permits.iter().all(|permit| !permit.close_token().is_cancelled()));
    }

    #[test]
    fn address_block_is_an_ipv4_address_or_an_ipv6_network() {
        let block = |text: &str| AddressBlock::from_address(text.parse().unwrap());
        assert_eq!(block("2001:db8::1"), block("2001:db8::ffff:1"));
        assert_ne!(block("2001:db8::1"), block("2001:db8:0:1::1"));
        assert_eq!(block("::ffff:10.0.0.1"), block("10.0.0.1"));
        assert_ne!(block("10.0.0.1"), block("10.0.0.2"));
    }
}
