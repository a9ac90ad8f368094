//! Floor of free disk space of the state folder: below it the runtime accepts no new layers, so that the disk
//! keeps room for the files of running containers and for the runtime's own.

use std::{path::PathBuf, time::Duration};

use hearth_base::{Error, FreeSpace, Result};

use crate::host_error::HostErrorContext;

/// Interval of the checks while content is written.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// Floor of free disk space below a folder.
#[derive(Debug, Clone)]
pub struct DiskFloor {
    folder: PathBuf,
    min_free: u64,
}

impl DiskFloor {
    /// At least `min_free` bytes of the disk with `folder` stay free.
    pub fn new(folder: PathBuf, min_free: u64) -> Self {
        Self { folder, min_free }
    }

    /// Error `disk-low` (unavailable) when less is free.
    pub fn check(&self) -> Result<()> {
        let disk = rustix::fs::statvfs(&self.folder).with_context("reading the free disk space")?;
        let bytes = disk.f_bavail.saturating_mul(disk.f_frsize);
        let free = FreeSpace { bytes, inodes: disk.f_files, free_inodes: disk.f_favail };
        free.check_floor("the disk of the runtime", self.min_free)
    }

    /// Waits until less is free, and returns the error.
    pub async fn wait_until_low(&self) -> Error {
        loop {
            if let Err(error) = self.check() {
                return error;
            }
            tokio::time::sleep(CHECK_INTERVAL).await;
        }
    }
}
