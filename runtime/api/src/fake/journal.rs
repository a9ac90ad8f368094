//! A journal in memory, in place of one on a disk: it outlives the engine.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use hearth_base::Result;

use crate::{
    Health, InstanceId, Phase, Version, WorkloadId,
    engine::{Journal, Kept, Known, Tracked},
};

use super::locked;

#[derive(Default)]
pub struct MemoryJournal {
    kept: Mutex<BTreeMap<WorkloadId, Kept>>,
    gone: Mutex<BTreeMap<WorkloadId, Version>>,
    health: Mutex<BTreeMap<InstanceId, Health>>,
}

impl MemoryJournal {
    /// The knowledge of the next engine, with containers in these phases.
    pub fn known(&self, phases: &BTreeMap<InstanceId, Phase>) -> Known {
        let health = locked(&self.health);
        let tracked = |kept: &Kept| -> Vec<Tracked> {
            let id = kept.workload.id();
            let own = phases.iter().filter(|(instance, _)| instance.workload == id);
            own.map(|(instance, phase)| {
                let health = health.get(instance).cloned().unwrap_or_default();
                Tracked::new(*instance, Arc::clone(&kept.workload), phase.clone(), health)
            })
            .collect()
        };
        let workloads = locked(&self.kept).values().map(|kept| (kept.clone(), tracked(kept))).collect();
        let gone = locked(&self.gone).iter().map(|(id, version)| (*id, *version)).collect();
        Known { workloads, gone }
    }
}

impl Journal for MemoryJournal {
    fn save(&self, kept: &Kept) -> Result<()> {
        locked(&self.kept).insert(kept.workload.id(), kept.clone());
        Ok(())
    }

    fn forget(&self, id: WorkloadId, version: Version) -> Result<()> {
        locked(&self.kept).remove(&id);
        locked(&self.gone).insert(id, version);
        locked(&self.health).retain(|instance, _| instance.workload != id);
        Ok(())
    }

    fn save_health(&self, instance: InstanceId, health: &Health) {
        locked(&self.health).insert(instance, health.clone());
    }
}
