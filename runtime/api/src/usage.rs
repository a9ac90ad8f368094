//! What running containers use now.

use serde::{Deserialize, Serialize};

use crate::InstanceId;

/// One container's use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// The container.
    pub instance: InstanceId,
    /// Memory in bytes, without file cache that can be dropped.
    pub memory: u64,
    /// Processor time since its start, in microseconds.
    pub cpu_micros: u64,
    /// Processes and threads.
    pub processes: u64,
    /// What it has written beside its mounts, in bytes, and has not removed; 0 where it has no disk of its own.
    #[serde(default)]
    pub disk: u64,
}
