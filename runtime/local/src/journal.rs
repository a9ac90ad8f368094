//! What is wanted, on the disk: one file per workload, and a list of those that are gone for ever.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
};

use hearth_base::{Error, Result};
use hearth_runtime_api::{
    Health, InstanceId, Version, WorkloadId,
    engine::{Journal, Kept},
};
use serde::{Deserialize, Serialize};

use crate::{
    disk::{self, Disk},
    failure::Doing,
    helper::files::{self, StoredHealth},
};

const VERSION: u32 = 1;

/// See the module.
pub struct Files {
    disk: Disk,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    file_version: u32,
    #[serde(flatten)]
    kept: Kept,
}

#[derive(Serialize, Deserialize)]
struct Gone {
    id: WorkloadId,
    version: Version,
}

impl Files {
    pub fn new(disk: Disk) -> Self {
        Self { disk }
    }

    /// Everything that is wanted. A file that can't be read is an error, not an absence.
    pub fn wanted(&self) -> Result<Vec<Kept>> {
        let mut wanted = Vec::new();
        for entry in fs::read_dir(self.disk.workloads()).doing("listing what is wanted")? {
            let path = entry.doing("listing what is wanted")?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                // The new form of a file whose writing was cut short.
                disk::remove(&path).doing(format_args!("removing {}", path.display()))?;
                continue;
            }
            let bytes = fs::read(&path).doing(format_args!("reading {}", path.display()))?;
            let stored: Stored = serde_json::from_slice(&bytes).map_err(|error| unreadable(&path, error))?;
            wanted.push(stored.kept);
        }
        Ok(wanted)
    }

    /// Everything that was wanted once and never will be again.
    pub fn gone(&self) -> Result<Vec<(WorkloadId, Version)>> {
        let text = match fs::read_to_string(self.disk.gone()) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            text => text.doing("reading the list of what is gone")?,
        };
        let whole = text.rsplit_once('\n').map_or("", |(whole, _cut_short)| whole);
        let lines = whole.lines().map(|line| {
            let gone: Gone =
                serde_json::from_str(line).map_err(|error| unreadable(&self.disk.gone(), error))?;
            Ok((gone.id, gone.version))
        });
        lines.collect()
    }
}

impl Journal for Files {
    fn save(&self, kept: &Kept) -> Result<()> {
        let id = kept.workload.id();
        let stored = Stored { file_version: VERSION, kept: kept.clone() };
        disk::replace(&self.disk.workload(id), &stored).doing(format_args!("keeping {id}"))
    }

    fn forget(&self, id: WorkloadId, version: Version) -> Result<()> {
        let mut line = serde_json::to_vec(&Gone { id, version }).map_err(Error::internal)?;
        line.push(b'\n');
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(self.disk.gone());
        file.and_then(|mut file| file.write_all(&line).and_then(|()| file.sync_all()))
            .doing(format_args!("noting that {id} is gone"))?;
        disk::remove(&self.disk.workload(id)).doing(format_args!("forgetting {id}"))
    }

    fn save_health(&self, instance: InstanceId, health: &Health) {
        let path = self.disk.folder_of(instance).join(files::HEALTH);
        if let Err(error) = disk::tell(&path, &StoredHealth::new(health.clone())) {
            tracing::warn!(%error, %instance, "health of a container not saved; next process probes anew");
        }
    }
}

fn unreadable(path: &std::path::Path, error: serde_json::Error) -> Error {
    Error::unavailable("state-file", format!("{} can't be read", path.display()))
        .help("restore it from a backup, or move it away to do without it")
        .because(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearth_runtime_api::{NetworkMode, Rollout};

    #[test]
    fn a_workloads_file_of_version_1_is_read() -> Result<()> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/workload-1.json");
        let stored: Stored = serde_json::from_slice(&fs::read(path).map_err(Error::internal)?)
            .map_err(|error| unreadable(path.as_ref(), error))?;
        let Kept { workload, version, stop, stopped } = stored.kept;
        assert_eq!((stored.file_version, version.generation), (1, 3));
        assert_eq!((workload.rollout(), workload.network.mode), (Rollout::UNTIL_READY, NetworkMode::Inside));
        assert_eq!(workload.image.repository(), "hearth.example/hearth/python3.11");
        assert!(stop.is_some() && stopped.is_some());
        workload.check()
    }
}
