//! Storage of tools: homes and build caches. Each is a sparse disk file with a file system of its own, whose size and
//! number of inodes are the tool's quota.
//!
//! The containers of a tool share the mounted file system: every helper mounts it in its own mount namespace
//! ([`attach`]), and the kernel detaches the loop device after the last one. On a host without loop devices or ext4, a
//! storage is a folder without limits. So is a home until the upgrade from release 0.1 is finished
//! ([`crate::state_format`]); then a folder is replaced by a disk file as soon as no container uses it.

pub mod attach;
mod disk_file;
mod migration;
mod reclaim;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use hearth_base::{Error, Memory, Result};
use hearth_runtime_api::{ContainerUser, MountSource};
use serde::{Deserialize, Serialize};

use crate::{
    LocalRuntimeSettings, disk_templates,
    host_error::HostErrorContext,
    state_files::{self, StateLayout},
    state_format::StateFormat,
    sys::ids::STORED_ID_BASE,
};

use disk_file::{DiskFile, DiskFormat};

/// File name extension of disk files, after the tool's number.
const DISK_EXTENSION: &str = "disk";
/// A build cache with less free space or inodes than this share is emptied before the next build.
const MIN_FREE_CACHE_PERCENT: u64 = 20;

/// Maximum size of a tool's storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StorageQuota {
    /// Size of the file system, with its own data.
    pub size: Memory,
    /// Number of files, folders and links.
    pub inodes: u32,
}

/// Kind of a tool's storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageKind {
    /// The home. It is never emptied.
    Home,
    /// The build cache. It is emptied when it is almost full or damaged.
    BuildCache,
}

impl StorageKind {
    /// The kind of a mount; `None` for a volume.
    pub fn from_source(source: &MountSource) -> Option<Self> {
        match source {
            MountSource::Home => Some(Self::Home),
            MountSource::BuildCache => Some(Self::BuildCache),
            MountSource::Volume(_) => None,
        }
    }
}

/// A storage that is ready to be mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoragePlace {
    /// The disk file, or the folder.
    pub path: PathBuf,
    /// Owner of the files on the disk; `None` for a folder.
    pub disk: Option<DiskOwner>,
}

/// Ids on the host of the owner of a storage's top folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskOwner {
    pub uid: u32,
    pub gid: u32,
}

/// Storage of the tools of one Hearth.
#[derive(Debug)]
pub struct ToolStorage {
    layout: StateLayout,
    home_quota: StorageQuota,
    cache_quota: StorageQuota,
    /// Disk files are possible on this host.
    has_disks: bool,
    /// New homes are disk files, and homes that are folders become disk files.
    has_home_disks: bool,
    /// Locks of the tools whose storage is being prepared, by number: the move of a large folder delays no other tool.
    preparation_locks: Mutex<BTreeMap<u32, Arc<Mutex<()>>>>,
    /// Number of files that were taken away, for names in the trash.
    discarded: AtomicU64,
}

impl ToolStorage {
    /// Opens the storage. Removes what an interrupted erasure has left.
    pub fn open(settings: &LocalRuntimeSettings, layout: StateLayout, format: StateFormat) -> Result<Self> {
        state_files::remove_path(&layout.trash_folder()).with_context("removing erased storage")?;
        state_files::make_folder(&layout.trash_folder(), 0o700)
            .with_context("making the folder of erased storage")?;
        let has_disks = disk_templates::check_supported().is_ok();
        Ok(Self {
            layout,
            home_quota: settings.home_quota,
            cache_quota: settings.cache_quota,
            has_disks,
            has_home_disks: has_disks && format.has_home_disks(),
            preparation_locks: Mutex::default(),
            discarded: AtomicU64::default(),
        })
    }

    /// Makes the storage of the tool with this number, if it does not exist. A disk file that no container uses is
    /// checked, and enlarged to the quota. A container of the tool `may_run` while this is called.
    pub fn prepare_storage(
        &self,
        number: u32,
        kind: StorageKind,
        user: &ContainerUser,
        may_run: bool,
    ) -> Result<StoragePlace> {
        let lock = self.find_preparation_lock(number);
        let _one_at_a_time = lock.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = self.find_folder(number, kind);
        let path = folder.with_extension(DISK_EXTENSION);
        let owner = DiskOwner { uid: STORED_ID_BASE + user.uid, gid: STORED_ID_BASE + user.gid };
        let (has_disks, is_replaceable) = match kind {
            StorageKind::Home => (self.has_home_disks, !path.exists()),
            // A release that was started in between does not use the cache's disk.
            StorageKind::BuildCache => (self.has_disks, true),
        };
        if has_disks && is_replaceable && !may_run && folder.exists() {
            self.replace_folder(&folder, &path, kind);
        }
        if !path.exists() && (folder.exists() || !has_disks) {
            return make_plain_folder(&folder, owner).map(|()| StoragePlace { path: folder, disk: None });
        }
        self.prepare_disk(&path, kind)?;
        Ok(StoragePlace { path, disk: Some(owner) })
    }

    fn find_preparation_lock(&self, number: u32) -> Arc<Mutex<()>> {
        let mut locks = self.preparation_locks.lock().unwrap_or_else(PoisonError::into_inner);
        locks.retain(|_, lock| Arc::strong_count(lock) > 1);
        Arc::clone(locks.entry(number).or_default())
    }

    /// Replaces a folder by a disk file with the same files. If that fails, the folder stays in use.
    fn replace_folder(&self, folder: &Path, path: &Path, kind: StorageKind) {
        let replaced = match kind {
            StorageKind::Home => migration::move_folder_to_disk(folder, path, self.home_quota),
            StorageKind::BuildCache => state_files::remove_path(folder),
        };
        if let Err(error) = replaced {
            tracing::warn!(%error, folder = %folder.display(), "storage has no size limit: moving it to a disk failed");
        }
    }

    /// True if the tool with this number has the storage.
    pub fn has_storage(&self, number: u32, kind: StorageKind) -> bool {
        let folder = self.find_folder(number, kind);
        folder.exists() || folder.with_extension(DISK_EXTENSION).exists()
    }

    fn prepare_disk(&self, path: &Path, kind: StorageKind) -> Result<()> {
        let (quota, format) = match kind {
            StorageKind::Home => (self.home_quota, DiskFormat::Durable),
            StorageKind::BuildCache => (self.cache_quota, DiskFormat::Disposable),
        };
        if !path.exists() {
            return disk_file::make_disk_file(path, quota, format)
                .with_context(format_args!("making {}", path.display()));
        }
        let mut disk =
            DiskFile::open_locked(path).with_context(format_args!("opening {}", path.display()))?;
        if disk.is_attached().with_context("listing loop devices")? {
            return Ok(());
        }
        let usable = match kind {
            StorageKind::Home => disk.repair_errors().and_then(|()| disk.enlarge_to(quota.size)),
            StorageKind::BuildCache if disk.has_room(MIN_FREE_CACHE_PERCENT) => Ok(()),
            StorageKind::BuildCache => {
                tracing::info!(path = %path.display(), "build cache almost full or damaged; emptied");
                disk_file::make_disk_file(path, quota, format)
            }
        };
        usable.map_err(|cause| {
            Error::unavailable("storage-damaged", "the tool's files on this host cannot be used")
                .help(format!("an operator of this Hearth can repair them: e2fsck -f {}", path.display()))
                .with_cause(cause)
        })
    }

    fn find_folder(&self, number: u32, kind: StorageKind) -> PathBuf {
        match kind {
            StorageKind::Home => self.layout.home_folder(number),
            StorageKind::BuildCache => self.layout.cache_folder(number),
        }
    }

    /// Takes the storage of an erased tool or an ended preview away. The returned files must be deleted.
    pub fn discard_storage(&self, number: u32) -> Result<DiscardedStorage> {
        let mut discarded = DiscardedStorage(Vec::new());
        for kind in [StorageKind::Home, StorageKind::BuildCache] {
            let folder = self.find_folder(number, kind);
            for path in [folder.with_extension(DISK_EXTENSION), folder] {
                // The trash was empty when this process started.
                let name = self.discarded.fetch_add(1, Ordering::Relaxed).to_string();
                let to = self.layout.trash_folder().join(name);
                match fs::rename(&path, &to) {
                    Ok(()) => discarded.0.push(to),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error).with_context("taking a tool's storage away"),
                }
            }
        }
        Ok(discarded)
    }
}

/// Gives the space of deleted files on a disk back to the host. Errors are logged: the next container's end tries again.
pub fn reclaim_space(path: &Path) {
    match reclaim::reclaim_space(path) {
        // The tool has been erased meanwhile.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => {
            tracing::warn!(%error, path = %path.display(), "space of deleted files not reclaimed; will retry");
        }
        Ok(()) => {}
    }
}

/// Storage that no tool has any more. It is deleted with this value, or at the next start.
#[derive(Debug, Default)]
pub struct DiscardedStorage(Vec<PathBuf>);

impl Drop for DiscardedStorage {
    fn drop(&mut self) {
        for path in &self.0 {
            if let Err(error) = state_files::remove_path(path) {
                tracing::warn!(%error, path = %path.display(), "erased storage not deleted; the next start deletes it");
            }
        }
    }
}

/// Makes a storage without limits.
fn make_plain_folder(folder: &Path, owner: DiskOwner) -> Result<()> {
    if folder.exists() {
        return Ok(());
    }
    state_files::make_folder(folder, 0o700).with_context("making the storage of a tool")?;
    std::os::unix::fs::chown(folder, Some(owner.uid), Some(owner.gid))
        .with_context("changing the owner of a tool's storage")
}
