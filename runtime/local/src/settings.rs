//! Operator's settings of the runtime on one machine.

use std::{net::SocketAddrV4, path::PathBuf};

use hearth_runtime_api::engine::RestartBackoff;
use serde::{Deserialize, Serialize};

/// Settings of the local runtime.
#[derive(Debug, Clone)]
pub struct LocalRuntimeSettings {
    /// Name that distinguishes several Hearths on one host: 1 to 8 lower-case letters and digits.
    pub instance: String,
    /// State folder, kept over reboots. Accessible to root only.
    pub state_folder: PathBuf,
    /// First host id for containers, a multiple of 65536. Each tool uses the next 65536 ids.
    pub first_id: u32,
    /// Services of this host that containers reach as ports of `hearth.internal`.
    pub port_forwards: Vec<PortForward>,
    /// Back-off before an ended container is started again.
    pub pauses: RestartBackoff,
    /// Maximum size of a container's log spool in bytes. Lines beyond it are dropped until the spool is read.
    pub log_bytes: u64,
    /// Replace the helper of a running container by the small waiter program. Otherwise the helper runs the
    /// same code with more memory.
    pub small_helpers: bool,
    /// Maximum unpacked size of one layer.
    pub layer_limits: LayerLimits,
}

/// Service of this host that containers reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortForward {
    /// Port at `hearth.internal`.
    pub port: u16,
    /// Address where the service listens: on the loopback interface, or at an address of this host.
    pub target: SocketAddrV4,
}

/// Maximum unpacked size of one layer.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct LayerLimits {
    /// Total size of all files in bytes.
    pub bytes: u64,
    /// Number of files, folders and links.
    pub entries: u64,
}

impl Default for LayerLimits {
    fn default() -> Self {
        Self { bytes: 16 << 30, entries: 1_000_000 }
    }
}

impl LocalRuntimeSettings {
    /// Default settings of an instance with its state folder.
    pub fn new(instance: impl Into<String>, state: impl Into<PathBuf>) -> Self {
        Self {
            instance: instance.into(),
            state_folder: state.into(),
            first_id: 0x1000_0000,
            port_forwards: Vec::new(),
            pauses: RestartBackoff::default(),
            log_bytes: 16 << 20,
            small_helpers: true,
            layer_limits: LayerLimits::default(),
        }
    }
}
