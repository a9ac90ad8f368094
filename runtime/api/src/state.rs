//! What is: the state of workloads and of their containers, and how they ended.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Health, InstanceId, Owner, Version, WorkloadId};

/// How far an observer has seen. Opaque; good for one life of the runtime's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Which life of the process.
    pub life: u64,
    /// Which change.
    pub change: u64,
}

/// What changed since a cursor; everything, when the cursor is missing or of another life.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Observation {
    /// Where to go on.
    pub cursor: Cursor,
    /// These are all workloads there are: one that is missing is gone.
    pub complete: bool,
    /// Workloads that are new or have changed.
    pub workloads: Vec<WorkloadState>,
    /// Workloads that have been acknowledged since.
    pub gone: Vec<WorkloadId>,
}

/// One workload and its containers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadState {
    /// The workload.
    pub id: WorkloadId,
    /// Whose it is.
    pub owner: Owner,
    /// The version last accepted.
    pub version: Version,
    /// It has been asked to stop.
    pub stopping: bool,
    /// Nothing of it runs or will run again: it waits to be acknowledged.
    pub done: bool,
    /// Containers, the newest last; of those that ended, the last few.
    pub instances: Vec<InstanceState>,
}

/// One container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceState {
    /// The container.
    pub id: InstanceId,
    /// The version of the workload it was started for, or the newest that it serves as well.
    pub version: Version,
    /// What it is doing.
    pub phase: Phase,
    /// The results of its probes.
    #[serde(default)]
    pub health: Health,
    /// It is about to end, or has been asked to: nothing new is to be sent to it. See [`crate::Rollout::Surge`].
    #[serde(default)]
    pub draining: bool,
}

/// What a container is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "kebab-case")]
pub enum Phase {
    /// It is being started.
    Starting,
    /// Its process runs.
    Running {
        /// Since when.
        since: Timestamp,
        /// Where its ports are reached.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        address: Option<Ipv4Addr>,
    },
    /// It is over.
    Ended(Outcome),
}

/// How a container ended, and what it used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// How.
    pub end: End,
    /// Its end was asked for.
    #[serde(default)]
    pub stopped: bool,
    /// When its process began, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When it was over, or was found to be.
    pub ended: Timestamp,
    /// Processor time in microseconds.
    #[serde(default)]
    pub cpu_micros: u64,
    /// The most memory it held, in bytes.
    #[serde(default)]
    pub peak_memory: u64,
    /// Processes that were killed because its memory was used up.
    #[serde(default)]
    pub oom_kills: u64,
    /// How often it could not start a process, being at the limit of these.
    #[serde(default)]
    pub refused: u64,
    /// When it was over, nothing more could be written into its root.
    #[serde(default)]
    pub disk_full: bool,
    /// It was ended because a probe failed: why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unhealthy: Option<String>,
}

impl Outcome {
    /// An end at this time, of which nothing more is known.
    pub fn bare(end: End, ended: Timestamp) -> Self {
        Self {
            end,
            stopped: false,
            started: None,
            ended,
            cpu_micros: 0,
            peak_memory: 0,
            oom_kills: 0,
            refused: 0,
            disk_full: false,
            unhealthy: None,
        }
    }
}

/// The manner of an end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "kebab-case")]
pub enum End {
    /// Its process returned this status.
    Exited {
        /// The status; 0 is success.
        code: i32,
    },
    /// A signal ended it.
    Killed {
        /// The signal.
        signal: i32,
    },
    /// It needed more memory than its limit.
    OutOfMemory,
    /// It ran longer than its time limit.
    TimedOut,
    /// It was stopped before it began, or could not be started.
    NotStarted {
        /// What was in the way, for people.
        reason: String,
    },
    /// What became of it is not known: the machine or its helper died.
    Lost,
}

impl Phase {
    /// The outcome, once there is one.
    pub fn outcome(&self) -> Option<&Outcome> {
        match self {
            Self::Ended(outcome) => Some(outcome),
            Self::Starting | Self::Running { .. } => None,
        }
    }

    /// Whether its process runs.
    pub fn is_running(&self) -> bool {
        matches!(self, Self::Running { .. })
    }
}

impl WorkloadState {
    /// The outcome of a run, once there is one.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.instances.last().and_then(|instance| instance.phase.outcome())
    }

    /// The containers whose process runs.
    pub fn running(&self) -> impl Iterator<Item = &InstanceState> {
        self.instances.iter().filter(|instance| instance.phase.is_running())
    }
}
