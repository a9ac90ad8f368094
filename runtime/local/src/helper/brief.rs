//! What a helper is told: everything it needs, so that it asks nobody. Kept in a file with a version.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use hearth_base::OpeningKeys;
use hearth_runtime_api::{InstanceId, Process, Workload};
use serde::{Deserialize, Serialize};

use crate::{network::Link, secrets};

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
    /// The empty disk of which `upper` becomes a copy; without one it is a folder, of any size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blank: Option<PathBuf>,
    pub volumes: Vec<Volume>,
    /// The control group, below the host's mounts.
    pub cgroup: String,
    pub hostname: String,
    pub log_bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    /// The file with what opens the workload's sealed variables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<PathBuf>,
}

/// A folder of the host that the container sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    pub source: PathBuf,
    pub at: String,
    pub read_only: bool,
}

impl Brief {
    /// The program with its sealed variables opened. The keys are forgotten before this returns.
    pub fn opened(&self) -> io::Result<Process> {
        let keys = match &self.keys {
            Some(keys) if !self.workload.process.sealed.is_empty() => secrets::read(keys)?,
            _ => OpeningKeys::default(),
        };
        let opened = self.workload.opened(&keys).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(opened.process)
    }

    /// Reads the brief in an instance's folder.
    pub fn read(folder: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&fs::read(folder.join(FILE))?)?)
    }
}
