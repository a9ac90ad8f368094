//! Return of the space of deleted files to the host.
//!
//! The mount option `discard` gives it back some time after a deletion, and the kernel drops what is left of that work
//! when the disk is unmounted (Linux `fs/ext4/mballoc.c`, `ext4_discard_work`). So a disk is trimmed after each
//! container and each file session that could write to it.

use std::{io, os::unix::fs::MetadataExt, path::Path};

use hearth_base::Memory;
use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
};

use super::{attach, disk_file::DiskFile};
use crate::sys::trim;

/// Space of the host up to which a disk file is never trimmed: its journal and tables occupy most of it.
const MIN_TRIMMED_SIZE: Memory = Memory::from_mib(24);
/// Unused space of a disk file from which on it is trimmed.
const MIN_RECLAIMED_SIZE: Memory = Memory::from_mib(4);
/// Shorter free extents are not given back, because each costs a call.
const MIN_TRIMMED_EXTENT: Memory = Memory::from_bytes(64 << 10);

/// Gives the space of deleted files back to the host. Containers may use the disk at the same time; a container that
/// starts meanwhile waits for the lock of the file.
pub fn reclaim_space(path: &Path) -> io::Result<()> {
    if path.metadata()?.blocks() * 512 <= MIN_TRIMMED_SIZE.get() {
        return Ok(());
    }
    // It is dropped last: the next container must find the device detached.
    let locked = DiskFile::open_locked(path)?;
    // The superblock of a mounted disk is out of date.
    if !locked.is_attached()? && locked.measure_unused_space()? < MIN_RECLAIMED_SIZE.get() {
        return Ok(());
    }
    let mount = attach::open_disk(&locked)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let top = rustix::fs::openat(&mount, ".", flags, Mode::empty())?;
    // Blocks of a deleted file are free once the deletion is in the journal.
    rustix::fs::syncfs(&top)?;
    match trim::trim_free_space(&top, MIN_TRIMMED_EXTENT) {
        // The host's file system has no holes in files.
        Err(error) if error.raw_os_error() == Some(Errno::OPNOTSUPP.raw_os_error()) => Ok(()),
        trimmed => trimmed,
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::fd::AsRawFd, path::PathBuf};

    use super::*;
    use crate::storage::{
        StorageQuota,
        disk_file::{DiskFormat, make_disk_file},
    };

    const TEST_QUOTA: StorageQuota = StorageQuota { size: Memory::from_mib(64), inodes: 2000 };

    /// Mounts the disk, writes 40 MiB and deletes them. The mount lacks `discard`, as if the kernel had dropped that
    /// work. Returns the mount.
    fn write_and_delete(path: &Path) -> io::Result<rustix::fd::OwnedFd> {
        let mount = attach::open_disk_with(&DiskFile::open_locked(path)?, &["noinit_itable"])?;
        let file = PathBuf::from(format!("/proc/self/fd/{}/big", mount.as_raw_fd()));
        fs::write(&file, vec![7; 40 << 20])?;
        fs::File::open(&file)?.sync_all()?;
        fs::remove_file(&file)?;
        Ok(mount)
    }

    fn measure_occupied(path: &Path) -> io::Result<u64> {
        Ok(path.metadata()?.blocks() * 512)
    }

    #[test]
    fn space_of_deleted_files_goes_back_to_the_host_after_the_last_unmount() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        for format in [DiskFormat::Durable, DiskFormat::Disposable] {
            let path = folder.path().join("1.disk");
            make_disk_file(&path, TEST_QUOTA, format)?;
            drop(write_and_delete(&path)?);
            assert!(measure_occupied(&path)? > 40 << 20);
            reclaim_space(&path)?;
            assert!(measure_occupied(&path)? <= MIN_TRIMMED_SIZE.get(), "{}", measure_occupied(&path)?);
            assert!(!DiskFile::open_locked(&path)?.is_attached()?);
        }
        Ok(())
    }

    #[test]
    fn space_of_deleted_files_goes_back_to_the_host_while_another_container_uses_the_disk() -> io::Result<()>
    {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("1.disk");
        make_disk_file(&path, TEST_QUOTA, DiskFormat::Durable)?;
        let other = write_and_delete(&path)?;
        reclaim_space(&path)?;
        assert!(measure_occupied(&path)? <= MIN_TRIMMED_SIZE.get(), "{}", measure_occupied(&path)?);
        fs::write(format!("/proc/self/fd/{}/note", other.as_raw_fd()), "kept")
    }

    #[test]
    fn files_are_kept_when_space_is_reclaimed() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("1.disk");
        make_disk_file(&path, TEST_QUOTA, DiskFormat::Durable)?;
        let mount = write_and_delete(&path)?;
        fs::write(format!("/proc/self/fd/{}/note", mount.as_raw_fd()), vec![5; 1 << 20])?;
        drop(mount);
        reclaim_space(&path)?;
        let mount = attach::open_disk(&DiskFile::open_locked(&path)?)?;
        assert_eq!(fs::read(format!("/proc/self/fd/{}/note", mount.as_raw_fd()))?, vec![5; 1 << 20]);
        Ok(())
    }
}
