//! What a helper is told: everything it needs, so that it asks nobody. Kept in a file with a version.

use std::{
    fs, io,
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use hearth_runtime_api::{InstanceId, Workload};
use serde::{Deserialize, Serialize};

/// The form of the file; a helper of an older release reads only what it knows.
pub const VERSION: u32 = 1;
/// The file's name in the instance's folder.
pub const FILE: &str = "brief.json";

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brief {
    pub version: u32,
    pub instance: InstanceId,
    pub workload: Workload,
    /// Where its files are.
    pub folder: PathBuf,
    /// Where it mounts, in its own mount namespace.
    pub mounts: PathBuf,
    /// The first of the host's ids that the container's ids are.
    pub first_id: u32,
    /// Unpacked layers, the lowest first.
    pub layers: Vec<PathBuf>,
    /// What the container writes into its root; removed when it has ended.
    pub upper: PathBuf,
    pub volumes: Vec<Volume>,
    /// The control group, below the host's mounts.
    pub cgroup: String,
    pub hostname: String,
    pub log_bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
}

/// A folder of the host that the container sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    pub source: PathBuf,
    pub at: String,
    pub read_only: bool,
}

/// How the container is joined to its tool's network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The tool's bridge.
    pub bridge: String,
    /// The bridge's end of the cable.
    pub port: String,
    pub address: Ipv4Addr,
    pub prefix: u8,
    pub gateway: Ipv4Addr,
    /// Who answers names.
    pub dns: Ipv4Addr,
}

impl Brief {
    /// Reads the brief in an instance's folder.
    pub fn read(folder: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&fs::read(folder.join(FILE))?)?)
    }
}
