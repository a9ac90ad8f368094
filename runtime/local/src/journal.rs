//! Stored desired state: one file for each workload, and an append-only list of tombstones.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
};

use hearth_base::{Error, Result};
use hearth_runtime_api::{
    Health, InstanceId, Version, WorkloadId,
    engine::{Journal, StoredWorkload},
};
use serde::{Deserialize, Serialize};

use crate::{
    helper::files::{self, StoredHealth},
    host_error::HostErrorContext,
    state_files::{self, StateLayout},
};

const WORKLOAD_FILE_VERSION: u32 = 1;

/// Journal of desired workloads in files of the state folder.
pub struct FileJournal {
    layout: StateLayout,
}

#[derive(Serialize, Deserialize)]
struct WorkloadFile {
    file_version: u32,
    #[serde(flatten)]
    record: StoredWorkload,
}

#[derive(Serialize, Deserialize)]
struct Tombstone {
    id: WorkloadId,
    version: Version,
}

impl FileJournal {
    pub fn new(layout: StateLayout) -> Self {
        Self { layout }
    }

    /// Reads all desired workloads. An unreadable file is an error, so that no workload is silently dropped.
    pub fn read_desired_workloads(&self) -> Result<Vec<StoredWorkload>> {
        let mut workloads = Vec::new();
        for entry in fs::read_dir(self.layout.workloads_folder()).with_context("listing the workloads")? {
            let path = entry.with_context("listing the workloads")?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                // Temporary file of an interrupted replacement.
                state_files::remove_path(&path).with_context(format_args!("removing {}", path.display()))?;
                continue;
            }
            let bytes = fs::read(&path).with_context(format_args!("reading {}", path.display()))?;
            let stored: WorkloadFile =
                serde_json::from_slice(&bytes).map_err(|error| build_unreadable_error(&path, error))?;
            workloads.push(stored.record);
        }
        Ok(workloads)
    }

    /// Reads the tombstones: workloads that were removed and must never be started again.
    pub fn read_tombstones(&self) -> Result<Vec<(WorkloadId, Version)>> {
        let text = match fs::read_to_string(self.layout.tombstones_path()) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            text => text.with_context("reading the list of removed workloads")?,
        };
        let whole = text.rsplit_once('\n').map_or("", |(whole, _cut_short)| whole);
        let lines = whole.lines().map(|line| {
            let tombstone: Tombstone = serde_json::from_str(line)
                .map_err(|error| build_unreadable_error(&self.layout.tombstones_path(), error))?;
            Ok((tombstone.id, tombstone.version))
        });
        lines.collect()
    }
}

impl Journal for FileJournal {
    fn save(&self, record: &StoredWorkload) -> Result<()> {
        let id = record.workload.id();
        let stored = WorkloadFile { file_version: WORKLOAD_FILE_VERSION, record: record.clone() };
        state_files::replace_file(&self.layout.workload_path(id), &stored)
            .with_context(format_args!("storing the workload {id}"))
    }

    fn forget_workload(&self, id: WorkloadId, version: Version) -> Result<()> {
        let mut line = serde_json::to_vec(&Tombstone { id, version }).map_err(Error::internal)?;
        line.push(b'\n');
        let file =
            OpenOptions::new().append(true).create(true).mode(0o600).open(self.layout.tombstones_path());
        file.and_then(|mut file| file.write_all(&line).and_then(|()| file.sync_all()))
            .with_context(format_args!("recording the removal of {id}"))?;
        state_files::remove_path(&self.layout.workload_path(id))
            .with_context(format_args!("removing the file of {id}"))
    }

    fn save_health(&self, instance: InstanceId, health: &Health) {
        let path = self.layout.instance_folder(instance).join(files::HEALTH_FILE);
        if let Err(error) = state_files::replace_file_unsynced(&path, &StoredHealth::new(health.clone())) {
            tracing::warn!(%error, %instance, "health of a container not saved; the next process starts its probes again");
        }
    }
}

fn build_unreadable_error(path: &std::path::Path, error: serde_json::Error) -> Error {
    Error::unavailable("state-file", format!("{} is unreadable", path.display()))
        .help("restore it from a backup, or move it away to do without it")
        .with_cause(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearth_runtime_api::{NetworkMode, Rollout};

    #[test]
    fn a_workloads_file_of_version_1_is_read() -> Result<()> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/workload-1.json");
        let stored: WorkloadFile = serde_json::from_slice(&fs::read(path).map_err(Error::internal)?)
            .map_err(|error| build_unreadable_error(path.as_ref(), error))?;
        let StoredWorkload { workload, version, stop_grace, stop_requested_at } = stored.record;
        assert_eq!((stored.file_version, version.generation), (1, 3));
        assert_eq!((workload.rollout(), workload.network.mode), (Rollout::UNTIL_READY, NetworkMode::Inside));
        assert_eq!(workload.image.repository(), "hearth.example/hearth/python3.11");
        assert!(stop_grace.is_some() && stop_requested_at.is_some());
        workload.check_workload()
    }
}
