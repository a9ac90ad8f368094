//! A journal in memory, which outlives the engine as one on disk would.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use hearth_base::Result;

use crate::{
    Health, InstanceId, Phase, Version, WorkloadId,
    engine::{Journal, RecoveredState, StoredWorkload, TrackedInstance},
};

use super::lock_mutex;

#[derive(Default)]
pub struct MemoryJournal {
    stored: Mutex<BTreeMap<WorkloadId, StoredWorkload>>,
    tombstones: Mutex<BTreeMap<WorkloadId, Version>>,
    health: Mutex<BTreeMap<InstanceId, Health>>,
}

impl MemoryJournal {
    /// The state for the next engine, with containers in these phases.
    pub fn recover_state(&self, phases: &BTreeMap<InstanceId, Phase>) -> RecoveredState {
        let health = lock_mutex(&self.health);
        let tracked = |stored: &StoredWorkload| -> Vec<TrackedInstance> {
            let id = stored.workload.id();
            let own = phases.iter().filter(|(instance, _)| instance.workload == id);
            own.map(|(instance, phase)| {
                let health = health.get(instance).cloned().unwrap_or_default();
                TrackedInstance::new(*instance, Arc::clone(&stored.workload), phase.clone(), health)
            })
            .collect()
        };
        let workloads =
            lock_mutex(&self.stored).values().map(|stored| (stored.clone(), tracked(stored))).collect();
        let tombstones = lock_mutex(&self.tombstones).iter().map(|(id, version)| (*id, *version)).collect();
        RecoveredState { workloads, tombstones }
    }
}

impl Journal for MemoryJournal {
    fn save(&self, stored: &StoredWorkload) -> Result<()> {
        lock_mutex(&self.stored).insert(stored.workload.id(), stored.clone());
        Ok(())
    }

    fn forget_workload(&self, id: WorkloadId, version: Version) -> Result<()> {
        lock_mutex(&self.stored).remove(&id);
        lock_mutex(&self.tombstones).insert(id, version);
        lock_mutex(&self.health).retain(|instance, _| instance.workload != id);
        Ok(())
    }

    fn save_health(&self, instance: InstanceId, health: &Health) {
        lock_mutex(&self.health).insert(instance, health.clone());
    }
}
