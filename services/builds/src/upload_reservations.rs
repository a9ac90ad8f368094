//! Bytes of uploads that this process is receiving, by tool: they count for the tool's limits from their
//! start.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hearth_base::ToolId;

/// Number and bytes of uploads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UploadUsage {
    pub count: u64,
    pub bytes: u64,
}

impl UploadUsage {
    #[must_use]
    pub fn add_usage(self, other: Self) -> Self {
        Self { count: self.count.saturating_add(other.count), bytes: self.bytes.saturating_add(other.bytes) }
    }

    /// Returns true if both numbers are within the limits.
    pub fn is_within(self, limits: Self) -> bool {
        self.count <= limits.count && self.bytes <= limits.bytes
    }
}

/// Reservations of one process.
#[derive(Debug, Clone, Default)]
pub struct UploadReservations(Arc<Mutex<BTreeMap<ToolId, UploadUsage>>>);

/// A reservation, until it is dropped.
#[derive(Debug)]
pub struct UploadReservation {
    reservations: UploadReservations,
    tool: ToolId,
    bytes: u64,
}

impl UploadReservations {
    /// Reserves an upload of `bytes` beside the `stored` ones. `None` when a limit would be exceeded.
    pub fn reserve_upload(
        &self,
        tool: ToolId,
        bytes: u64,
        stored: UploadUsage,
        limits: UploadUsage,
    ) -> Option<UploadReservation> {
        let mut all = self.lock_reservations();
        let reserved = all.get(&tool).copied().unwrap_or_default().add_usage(UploadUsage { count: 1, bytes });
        if !reserved.add_usage(stored).is_within(limits) {
            return None;
        }
        all.insert(tool, reserved);
        Some(UploadReservation { reservations: self.clone(), tool, bytes })
    }

    fn lock_reservations(&self) -> MutexGuard<'_, BTreeMap<ToolId, UploadUsage>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UploadReservation {
    fn drop(&mut self) {
        let mut all = self.reservations.lock_reservations();
        if let Some(reserved) = all.get_mut(&self.tool) {
            reserved.count = reserved.count.saturating_sub(1);
            reserved.bytes = reserved.bytes.saturating_sub(self.bytes);
            if reserved.count == 0 {
                all.remove(&self.tool);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use hearth_base::{Clock, Entropy, SystemClock};

    use super::*;

    #[test]
    fn uploads_at_the_same_time_count_until_they_end() {
        let (one, two) = (
            ToolId::new(SystemClock.now(), &Entropy::System),
            ToolId::new(SystemClock.now(), &Entropy::System),
        );
        let reservations = UploadReservations::default();
        let limits = UploadUsage { count: 3, bytes: 100 };
        let reserve = |tool, bytes| {
            reservations.reserve_upload(tool, bytes, UploadUsage { count: 1, bytes: 20 }, limits)
        };
        let first = reserve(one, 50);
        assert!(first.is_some() && reserve(one, 31).is_none());
        assert!(reserve(two, 80).is_some(), "the limits are those of each tool");
        let second = reserve(one, 30);
        assert!(second.is_some() && reserve(one, 0).is_none(), "the number is limited too");
        drop(first);
        assert!(reserve(one, 50).is_some());
    }
}
