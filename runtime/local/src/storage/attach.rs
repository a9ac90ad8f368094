//! Mounting a disk file.

use std::{
    fs, io,
    os::{fd::OwnedFd, unix::fs::chown},
    path::{Path, PathBuf},
};

use rustix::{
    fs::CWD,
    mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags},
};

use crate::{disk_templates, state_files};

use super::{DiskOwner, disk_file::DiskFile};

/// Folder of the tool's files in a disk's file system, beside `lost+found`.
const DATA_FOLDER: &str = "data";

/// Mounts a disk file at `at`, which only the calling helper sees, and returns the folder with the tool's files. All
/// mounts of one file are the same file system, because they have the same loop device.
pub fn mount_disk(path: &Path, owner: DiskOwner, at: &Path) -> io::Result<PathBuf> {
    // The lock is held until the mount exists: the device is then attached for as long as the mount.
    let locked = DiskFile::open_locked(path)?;
    let mount = open_disk(&locked)?;
    rustix::mount::move_mount(&mount, "", CWD, at, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
    make_data_folder(at, owner)
}

/// Mounts the file system of a disk file without a place in the file tree.
pub fn open_disk(locked: &DiskFile) -> io::Result<OwnedFd> {
    // Deleted files become holes of the disk file; unused inode tables stay uninitialised.
    open_disk_with(locked, &["discard", "noinit_itable"])
}

/// Mounts the file system with these options.
pub fn open_disk_with(locked: &DiskFile, options: &[&str]) -> io::Result<OwnedFd> {
    let device = locked.attach_device()?;
    let disk = rustix::mount::fsopen(disk_templates::FILE_SYSTEM_TYPE, FsOpenFlags::FSOPEN_CLOEXEC)?;
    rustix::mount::fsconfig_set_string(&disk, "source", device.path.as_path())?;
    for option in options {
        rustix::mount::fsconfig_set_flag(&disk, *option)?;
    }
    rustix::mount::fsconfig_create(&disk)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NODEV | MountAttrFlags::MOUNT_ATTR_NOSUID;
    Ok(rustix::mount::fsmount(&disk, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?)
}

/// Makes the folder of the tool's files, if it does not exist. `top` is the root of the disk's file system.
pub fn make_data_folder(top: &Path, owner: DiskOwner) -> io::Result<PathBuf> {
    let data = top.join(DATA_FOLDER);
    if !data.exists() {
        let new = top.join("new");
        state_files::remove_path(&new)?;
        state_files::make_folder(&new, 0o700)?;
        chown(&new, Some(owner.uid), Some(owner.gid))?;
        fs::rename(&new, &data)?;
    }
    Ok(data)
}
