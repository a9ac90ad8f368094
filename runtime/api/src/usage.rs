//! The current resource usage of running containers.

use serde::{Deserialize, Serialize};

use crate::InstanceId;

/// Resource usage of one container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// The container.
    pub instance: InstanceId,
    /// Memory in bytes, without reclaimable file cache.
    pub memory: u64,
    /// Processor time since the start, in microseconds.
    pub cpu_micros: u64,
    /// Processes and threads.
    pub processes: u64,
    /// Bytes in its writable root file system, mounts excluded; 0 when the container has no disk of its own.
    #[serde(default)]
    pub disk: u64,
}
