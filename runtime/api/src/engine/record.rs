//! The engine's record of one workload and its containers.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    ContainerOutcome, Health, InstanceId, InstanceState, Phase, ProbeTracker, Version, Workload,
    WorkloadKind, WorkloadState,
};

/// The durable part of a workload's record.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoredWorkload {
    /// The wanted specification.
    pub workload: Arc<Workload>,
    /// The highest version of an apply or a stop.
    pub version: Version,
    /// Grace of the requested stop; absent while the workload is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "stop")]
    pub stop_grace: Option<Duration>,
    /// Time of the first stop request since the workload was last wanted.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "stopped")]
    pub stop_requested_at: Option<Timestamp>,
}

/// A container of a workload.
#[derive(Debug, Clone)]
pub struct TrackedInstance {
    /// The container.
    pub id: InstanceId,
    /// The newest specification that this container satisfies.
    pub workload: Arc<Workload>,
    /// Its phase.
    pub phase: Phase,
    /// Start of its drain. Not stored: a restart of the runtime starts the drain again.
    pub draining_since: Option<Timestamp>,
    /// The engine has requested its end.
    pub stopping: bool,
    /// The grace of the last request to end. A shorter one is requested again.
    pub requested_grace: Option<Duration>,
    /// Health, from the results of its probes.
    pub probes: ProbeTracker,
}

impl TrackedInstance {
    /// A container with recovered or default health.
    pub fn new(id: InstanceId, workload: Arc<Workload>, phase: Phase, health: Health) -> Self {
        let probes = ProbeTracker::new(health);
        Self { id, workload, phase, draining_since: None, stopping: false, requested_grace: None, probes }
    }

    /// Completes a container that was recovered from an earlier runtime process.
    pub(super) fn resume_from(&mut self, stored: &StoredWorkload) {
        match &mut self.phase {
            Phase::Starting => self.adopt_workload(stored),
            Phase::Running { since, .. } => {
                let since = *since;
                self.adopt_workload(stored);
                self.probes.begin_probing(&self.workload.probes, since);
            }
            Phase::Ended(outcome) => {
                // The end happened while no runtime process ran. After a stop request, it counts as stopped.
                outcome.stopped |= stored.stop_requested_at.is_some_and(|stopped| outcome.ended >= stopped);
                // Only the engine ends a container with a requested restart, so this end was requested as
                // well.
                outcome.probe_failure = self.probes.health().restart_reason.clone();
                outcome.stopped |= outcome.probe_failure.is_some();
                self.probes.end_probing(outcome.ended);
            }
        }
    }

    /// Assigns the wanted specification to the container if the container satisfies it.
    pub(super) fn adopt_workload(&mut self, stored: &StoredWorkload) {
        if self.workload.has_same_container(&stored.workload) {
            self.workload = Arc::clone(&stored.workload);
        }
    }

    /// The outcome, once the container has ended.
    pub fn outcome(&self) -> Option<&ContainerOutcome> {
        self.phase.outcome()
    }

    /// True if it is ready.
    pub fn is_ready(&self) -> bool {
        self.probes.health().ready
    }

    /// True if it failed a probe and must be replaced.
    pub fn needs_restart(&self) -> bool {
        self.probes.health().restart_reason.is_some()
    }

    /// True if it has not ended and should receive no new requests.
    fn is_draining(&self) -> bool {
        self.outcome().is_none() && (self.stopping || self.draining_since.is_some())
    }

    /// True if it runs and no end was requested.
    pub(super) fn is_probed(&self) -> bool {
        self.phase.is_running() && !self.stopping && !self.needs_restart()
    }
}

/// A workload with its containers.
#[derive(Debug)]
pub struct Record {
    pub stored: StoredWorkload,
    pub instances: BTreeMap<InstanceId, TrackedInstance>,
    /// Consecutive ends of each replica, for the restart back-off.
    pub consecutive_ends: BTreeMap<u16, u32>,
    /// Number of its last change.
    pub last_change: u64,
}

impl Record {
    /// True if no container runs or will be started.
    pub fn is_done(&self) -> bool {
        let ended = self.instances.values().all(|tracked| tracked.phase.outcome().is_some());
        let once = matches!(self.stored.workload.kind, WorkloadKind::Once { .. });
        ended && (self.stored.stop_grace.is_some() || once && !self.instances.is_empty())
    }

    pub fn to_state(&self) -> WorkloadState {
        let instances = self.instances.values().map(|tracked| InstanceState {
            id: tracked.id,
            version: tracked.workload.version,
            phase: tracked.phase.clone(),
            health: tracked.probes.health().clone(),
            draining: tracked.is_draining(),
        });
        WorkloadState {
            id: self.stored.workload.id(),
            owner: self.stored.workload.owner,
            version: self.stored.version,
            stopping: self.stored.stop_grace.is_some(),
            done: self.is_done(),
            instances: instances.collect(),
        }
    }
}
