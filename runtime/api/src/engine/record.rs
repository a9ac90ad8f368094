//! One workload with its containers, as the engine follows it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Health, InstanceId, InstanceState, Outcome, Phase, ProbeTracker, Version, Workload, WorkloadKind,
    WorkloadState,
};

/// The part of a workload's record that is kept on the disk.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Kept {
    /// The workload as it is wanted.
    pub workload: Arc<Workload>,
    /// The highest version of an apply or a stop.
    pub version: Version,
    /// It is to stop, with this grace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<Duration>,
    /// When it was first asked to stop since it was last wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Timestamp>,
}

/// A container that was started for a workload.
#[derive(Debug, Clone)]
pub struct Tracked {
    /// Which one.
    pub id: InstanceId,
    /// The workload it was started for, or the newest that it serves as well.
    pub workload: Arc<Workload>,
    /// The phase that it is in.
    pub phase: Phase,
    /// Since when nothing new is to be sent to it, for it is to end. Another process of the runtime begins anew.
    pub draining_since: Option<Timestamp>,
    /// It has been asked to end.
    pub stopping: bool,
    /// The results of its probes.
    pub probes: ProbeTracker,
}

impl Tracked {
    /// A container with what was known of its health.
    pub fn new(id: InstanceId, workload: Arc<Workload>, phase: Phase, health: Health) -> Self {
        let probes = ProbeTracker::new(health);
        Self { id, workload, phase, draining_since: None, stopping: false, probes }
    }

    /// Goes on from what an earlier process of the runtime has left.
    pub(super) fn resume_from(&mut self, kept: &Kept) {
        match &mut self.phase {
            Phase::Starting => self.adopt_workload(kept),
            Phase::Running { since, .. } => {
                let since = *since;
                self.adopt_workload(kept);
                self.probes.begin_probing(&self.workload.probes, since);
            }
            Phase::Ended(outcome) => {
                // What ended while nobody was there to see it, and after it was to stop, was stopped.
                outcome.stopped |= kept.stopped.is_some_and(|stopped| outcome.ended >= stopped);
                // The engine alone was to end one that was to be restarted.
                outcome.unhealthy = self.probes.health().restart_reason.clone();
                outcome.stopped |= outcome.unhealthy.is_some();
                self.probes.end_probing(outcome.ended);
            }
        }
    }

    /// A container that serves the version that is wanted as well is of that version.
    pub(super) fn adopt_workload(&mut self, kept: &Kept) {
        if self.workload.same_container(&kept.workload) {
            self.workload = Arc::clone(&kept.workload);
        }
    }

    /// The outcome, when the container has ended.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.phase.outcome()
    }

    /// It is ready.
    pub fn is_ready(&self) -> bool {
        self.probes.health().ready
    }

    /// It failed a probe, is to end, and another to take its place.
    pub fn is_to_restart(&self) -> bool {
        self.probes.health().restart_reason.is_some()
    }

    /// It has not ended, and is about to.
    fn is_draining(&self) -> bool {
        self.outcome().is_none() && (self.stopping || self.draining_since.is_some())
    }

    /// It is running, and nobody wants it to end.
    pub(super) fn is_probed(&self) -> bool {
        self.phase.is_running() && !self.stopping && !self.is_to_restart()
    }
}

/// A workload with its containers.
#[derive(Debug)]
pub struct Record {
    pub kept: Kept,
    pub instances: BTreeMap<InstanceId, Tracked>,
    /// Ends in a row of each replica.
    pub ends: BTreeMap<u16, u32>,
    /// The number of its last change.
    pub change: u64,
}

impl Record {
    /// Nothing runs, and nothing will.
    pub fn done(&self) -> bool {
        let ended = self.instances.values().all(|tracked| tracked.phase.outcome().is_some());
        let once = matches!(self.kept.workload.kind, WorkloadKind::Once { .. });
        ended && (self.kept.stop.is_some() || once && !self.instances.is_empty())
    }

    pub fn state(&self) -> WorkloadState {
        let instances = self.instances.values().map(|tracked| InstanceState {
            id: tracked.id,
            version: tracked.workload.version,
            phase: tracked.phase.clone(),
            health: tracked.probes.health().clone(),
            draining: tracked.is_draining(),
        });
        WorkloadState {
            id: self.kept.workload.id(),
            owner: self.kept.workload.owner,
            version: self.kept.version,
            stopping: self.kept.stop.is_some(),
            done: self.done(),
            instances: instances.collect(),
        }
    }
}
