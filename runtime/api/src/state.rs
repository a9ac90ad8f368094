//! The observed state of workloads and containers, with the outcomes of ended ones.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Health, InstanceId, Owner, Version, WorkloadId};

/// Position of an observer in the stream of changes. Opaque; valid for one process of the runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Random number of the runtime process.
    pub process_number: u64,
    /// Number of the last change that the observer has received.
    pub change: u64,
}

/// Changes since a cursor. Lists everything when the cursor is missing or belongs to another runtime process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Observation {
    /// Cursor for the next call.
    pub cursor: Cursor,
    /// The list holds every workload; a workload that is absent from it no longer exists.
    pub complete: bool,
    /// New and changed workloads.
    pub workloads: Vec<WorkloadState>,
    /// Workloads that were acknowledged, and thereby deleted, since the cursor.
    pub removed: Vec<WorkloadId>,
}

/// One workload and its containers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadState {
    /// The workload.
    pub id: WorkloadId,
    /// The owner.
    pub owner: Owner,
    /// The last accepted version.
    pub version: Version,
    /// A stop was requested.
    pub stopping: bool,
    /// No container runs or will be started; the workload can be acknowledged.
    pub done: bool,
    /// Containers, the newest last. Of the ended ones, only the last few per replica.
    pub instances: Vec<InstanceState>,
}

/// One container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceState {
    /// The container.
    pub id: InstanceId,
    /// The newest workload version that this container satisfies.
    pub version: Version,
    /// Its phase.
    pub phase: Phase,
    /// Health, from the results of its probes.
    #[serde(default)]
    pub health: Health,
    /// The container is stopping or about to stop; do not send new requests to it. See
    /// [`crate::Rollout::Surge`].
    #[serde(default)]
    pub draining: bool,
}

/// The phase of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "kebab-case")]
pub enum Phase {
    /// The runtime is starting it.
    Starting,
    /// Its process runs.
    Running {
        /// Start time of the process.
        since: Timestamp,
        /// The address at which its ports can be reached.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        address: Option<Ipv4Addr>,
    },
    /// It has ended.
    Ended(ContainerOutcome),
}

/// The end of a container and its resource usage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerOutcome {
    /// The kind of end.
    pub end: Termination,
    /// The end was requested.
    #[serde(default)]
    pub stopped: bool,
    /// Start time of the process; absent when it did not start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// Time of the end, or of its discovery.
    pub ended: Timestamp,
    /// Processor time in microseconds.
    #[serde(default)]
    pub cpu_micros: u64,
    /// Peak memory in bytes.
    #[serde(default)]
    pub peak_memory: u64,
    /// Number of processes that the kernel killed for lack of memory.
    #[serde(default)]
    pub oom_kills: u64,
    /// Number of forks that failed at the process limit.
    #[serde(default, rename = "refused")]
    pub refused_forks: u64,
    /// The root file system was full at the end.
    #[serde(default)]
    pub disk_full: bool,
    /// The probe failure for which the container was stopped, as a sentence for users.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "unhealthy")]
    pub probe_failure: Option<String>,
}

impl ContainerOutcome {
    /// Builds an outcome with a kind of end and a time only; all usage values are 0.
    pub fn from_end(end: Termination, ended: Timestamp) -> Self {
        Self {
            end,
            stopped: false,
            started: None,
            ended,
            cpu_micros: 0,
            peak_memory: 0,
            oom_kills: 0,
            refused_forks: 0,
            disk_full: false,
            probe_failure: None,
        }
    }
}

/// The way in which a container or program ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "kebab-case")]
pub enum Termination {
    /// Its process returned this status.
    Exited {
        /// The status; 0 is success.
        code: i32,
    },
    /// A signal killed it.
    Killed {
        /// The signal.
        signal: i32,
    },
    /// It needed more memory than its limit.
    OutOfMemory,
    /// It ran longer than its time limit.
    TimedOut,
    /// It was stopped before its start, or could not be started.
    NotStarted {
        /// The cause, as a sentence for users.
        reason: String,
    },
    /// Its end is unknown: the machine or the container's helper process died.
    Lost,
}

impl Phase {
    /// The outcome, once the container has ended.
    pub fn outcome(&self) -> Option<&ContainerOutcome> {
        match self {
            Self::Ended(outcome) => Some(outcome),
            Self::Starting | Self::Running { .. } => None,
        }
    }

    /// True while its process runs.
    pub fn is_running(&self) -> bool {
        matches!(self, Self::Running { .. })
    }
}

impl WorkloadState {
    /// The outcome of a run, once the run has ended.
    pub fn outcome(&self) -> Option<&ContainerOutcome> {
        self.instances.last().and_then(|instance| instance.phase.outcome())
    }

    /// Iterates over the containers whose process runs.
    pub fn running_instances(&self) -> impl Iterator<Item = &InstanceState> {
        self.instances.iter().filter(|instance| instance.phase.is_running())
    }
}
