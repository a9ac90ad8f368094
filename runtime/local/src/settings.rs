//! Operator's settings of the runtime on one machine.

use std::{net::SocketAddrV4, path::PathBuf};

use hearth_base::Memory;
use hearth_runtime_api::engine::RestartBackoff;
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::storage::StorageQuota;

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
    /// Networks of the internet that tools may not reach, in addition to the private ones.
    pub refused_networks: Vec<Ipv4Net>,
    /// Tools may connect to the mail ports of the internet.
    pub smtp_allowed: bool,
    /// Maximum size of a tool's home. A larger one than before takes effect when no container uses the home.
    pub home_quota: StorageQuota,
    /// Maximum size of a tool's build cache.
    pub cache_quota: StorageQuota,
    /// Back-off before an ended container is started again.
    pub pauses: RestartBackoff,
    /// Maximum size of a container's log spool in bytes. Lines beyond it are dropped until the spool is read.
    pub log_bytes: u64,
    /// Replace the helper of a running container by the small waiter program. Otherwise the helper runs the
    /// same code with more memory.
    pub small_helpers: bool,
    /// Maximum unpacked size of one image.
    pub layer_limits: LayerLimits,
    /// Unpacked bytes of the images of one namespace at which further layers are refused until unused images are
    /// removed.
    pub namespace_bytes: u64,
    /// Free space of the state folder's disk, in bytes, below which layers are refused.
    pub min_free_disk: u64,
}

/// Service of this host that containers reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortForward {
    /// Port at `hearth.internal`.
    pub port: u16,
    /// Address where the service listens: on the loopback interface, or at an address of this host.
    pub target: SocketAddrV4,
}

/// Maximum unpacked size of the layers of one image together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerLimits {
    /// Disk space of all files and folders in bytes; holes of sparse files count.
    pub bytes: u64,
    /// Number of files, folders and links.
    pub entries: u64,
}

impl Default for LayerLimits {
    fn default() -> Self {
        Self { bytes: 16 << 30, entries: 1_000_000 }
    }
}

/// Default of [`LocalRuntimeSettings::namespace_bytes`].
const DEFAULT_NAMESPACE_BYTES: u64 = 64 << 30;
/// Default of [`LocalRuntimeSettings::min_free_disk`].
const DEFAULT_MIN_FREE_DISK: u64 = 1 << 30;

impl LocalRuntimeSettings {
    /// Default settings of an instance with its state folder.
    pub fn new(instance: impl Into<String>, state: impl Into<PathBuf>) -> Self {
        Self {
            instance: instance.into(),
            state_folder: state.into(),
            first_id: 0x1000_0000,
            port_forwards: Vec::new(),
            refused_networks: Vec::new(),
            smtp_allowed: false,
            home_quota: StorageQuota { size: Memory::from_mib(2048), inodes: 100_000 },
            cache_quota: StorageQuota { size: Memory::from_mib(10 << 10), inodes: 1_000_000 },
            pauses: RestartBackoff::default(),
            log_bytes: 16 << 20,
            small_helpers: true,
            layer_limits: LayerLimits::default(),
            namespace_bytes: DEFAULT_NAMESPACE_BYTES,
            min_free_disk: DEFAULT_MIN_FREE_DISK,
        }
    }
}
