//! Slots of a pool that all tools share, with a share for each tool, so that the slow peers of one tool do not delay
//! another's.
//!
//! `FairPool` of the kit is for services, whose callers wait for a permit in turn. [`ToolSlots`] refuses at once, and
//! never a tool that has no slot; connections to the outbound proxy wait in a `FairPool` for the share of their tool
//! first. It needs neither an async runtime nor the kit, which the runtime process does not contain.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Prefix length of the network that a tool's containers on one machine share, in bits.
pub const TOOL_NETWORK_PREFIX_BITS: u8 = 25;

/// Limits of a pool. A tool without a slot always gets one, so the total may be exceeded by one for each tool.
#[derive(Debug, Clone, Copy)]
pub struct ToolSlotLimits {
    /// Slots of one tool.
    pub per_tool: usize,
    /// Slots of all tools together.
    pub in_total: usize,
}

/// The slice of a tool, the network of its containers on one machine: where a tool is known by an address only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ToolSlice(u32);

impl ToolSlice {
    /// The slice of a container with this address.
    pub fn from_address(address: Ipv4Addr) -> Self {
        Self(u32::from(address) >> (32 - u32::from(TOOL_NETWORK_PREFIX_BITS)))
    }
}

/// A pool of slots. `K` identifies a tool.
#[derive(Debug)]
pub struct ToolSlots<K: Ord> {
    limits: ToolSlotLimits,
    taken: Mutex<BTreeMap<K, usize>>,
}

/// A slot of a pool, free again when it is dropped.
#[derive(Debug)]
pub struct ToolSlot<K: Ord> {
    pool: Arc<ToolSlots<K>>,
    tool: K,
}

impl<K: Ord + Copy> ToolSlots<K> {
    /// An unused pool.
    pub fn new(limits: ToolSlotLimits) -> Arc<Self> {
        Arc::new(Self { limits, taken: Mutex::new(BTreeMap::new()) })
    }

    /// Takes a slot for a tool. `None` while this tool or all tools together use their share.
    pub fn take_slot(self: &Arc<Self>, tool: K) -> Option<ToolSlot<K>> {
        let mut taken = self.lock_taken();
        let total: usize = taken.values().sum();
        let own = taken.get(&tool).copied().unwrap_or(0);
        if own > 0 && (own >= self.limits.per_tool || total >= self.limits.in_total) {
            return None;
        }
        taken.insert(tool, own + 1);
        Some(ToolSlot { pool: Arc::clone(self), tool })
    }
}

impl<K: Ord> ToolSlots<K> {
    fn lock_taken(&self) -> MutexGuard<'_, BTreeMap<K, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Ord> Drop for ToolSlot<K> {
    fn drop(&mut self) {
        let mut taken = self.pool.lock_taken();
        if let Some(own) = taken.get_mut(&self.tool) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.tool);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 64, 0, 130);
    const NEIGHBOUR_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 64, 0, 250);
    const OTHER_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 64, 1, 2);

    fn take(pool: &Arc<ToolSlots<ToolSlice>>, address: Ipv4Addr) -> Option<ToolSlot<ToolSlice>> {
        pool.take_slot(ToolSlice::from_address(address))
    }

    #[test]
    fn tool_is_limited_to_its_share_over_all_its_containers() {
        let pool = ToolSlots::new(ToolSlotLimits { per_tool: 2, in_total: 10 });
        let held = [take(&pool, FIRST_ADDRESS), take(&pool, NEIGHBOUR_ADDRESS)];
        assert!(held.iter().all(Option::is_some));
        assert!(take(&pool, FIRST_ADDRESS).is_none() && take(&pool, NEIGHBOUR_ADDRESS).is_none());
        assert!(take(&pool, OTHER_ADDRESS).is_some());
        drop(held);
        assert!(take(&pool, FIRST_ADDRESS).is_some());
        assert!(pool.lock_taken().is_empty());
    }

    #[test]
    fn tool_without_a_slot_gets_one_when_all_are_taken() {
        let pool = ToolSlots::new(ToolSlotLimits { per_tool: 2, in_total: 2 });
        let _held = [take(&pool, FIRST_ADDRESS), take(&pool, FIRST_ADDRESS)];
        let other = take(&pool, OTHER_ADDRESS);
        assert!(other.is_some() && take(&pool, OTHER_ADDRESS).is_none());
    }
}
