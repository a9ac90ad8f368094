//! Helper configuration: a versioned file with everything that a helper needs to start its container.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use hearth_base::OpeningKeys;
use hearth_runtime_api::{InstanceId, Process, Workload};
use serde::{Deserialize, Serialize};

use crate::{network::ContainerLink, secrets, storage::DiskOwner};

/// Format version of the file. A helper of an older release ignores unknown fields.
pub const CONFIG_VERSION: u32 = 1;
/// File name in the instance's folder.
pub const CONFIG_FILE: &str = "helper.json";

/// Helper configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelperConfig {
    pub version: u32,
    pub instance: InstanceId,
    pub workload: Workload,
    /// Folder of the instance.
    pub folder: PathBuf,
    /// Mount point of the helper, in its own mount namespace.
    pub mounts: PathBuf,
    /// First host id of the container's id range.
    pub first_id: u32,
    /// Folders of the unpacked layers, lowest first.
    pub layers: Vec<PathBuf>,
    /// Writable upper layer; removed after the container has exited.
    pub upper: PathBuf,
    /// Disk template that is copied to `upper`. Without one, `upper` is a folder without a size limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_template: Option<PathBuf>,
    pub volumes: Vec<Volume>,
    /// Folders of refreshed files, whose owners are ids of the container's range.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refreshed: Vec<Volume>,
    /// Path of the control group, below the host's cgroup mounts.
    pub cgroup: String,
    pub hostname: String,
    pub log_bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<ContainerLink>,
    /// File with the keys that open the workload's sealed variables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<PathBuf>,
}

/// Storage of the host that is mounted into the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// A disk file, or a folder.
    pub source: PathBuf,
    /// Owner of the files in a disk file; absent for a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<DiskOwner>,
    pub at: String,
    pub read_only: bool,
}

impl HelperConfig {
    /// Returns the process with its sealed variables opened. The keys are dropped before this returns.
    pub fn open_process(&self) -> io::Result<Process> {
        let keys = match &self.keys {
            Some(keys) if !self.workload.process.sealed.is_empty() => secrets::read_keys(keys)?,
            _ => OpeningKeys::default(),
        };
        let opened =
            self.workload.unseal_variables(&keys).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(opened.process)
    }

    /// Reads the configuration from an instance's folder.
    pub fn read(folder: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&fs::read(folder.join(CONFIG_FILE))?)?)
    }
}
