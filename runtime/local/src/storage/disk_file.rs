//! Disk files: sparse files with an ext4 file system.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::{
        fd::AsRawFd,
        unix::fs::{FileExt, MetadataExt},
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use hearth_base::Memory;
use rustix::fs::FlockOperation;

use crate::{disk_templates, programs, state_files, sys::loop_device::LoopDevice};

use super::StorageQuota;

/// Size of a journal; the default would be up to four times as large. A small disk has a smaller one.
const JOURNAL_SIZE: Memory = Memory::from_mib(16);
/// Smallest size of a disk file: its file system and its journal need some space.
const MIN_DISK_SIZE: Memory = Memory::from_mib(16);
/// Maximum wait for the lock of a disk file. `e2fsck` of a damaged home holds it longest.
const LOCK_TIMEOUT: Duration = Duration::from_secs(20);
const LOCK_POLL_INTERVAL: Duration = Duration::from_millis(5);
/// Block size of the file system in bytes.
const BLOCK_BYTES: u64 = 4096;
/// Exit statuses of e2fsck from this one on mean that errors are left (e2fsck(8)).
const ERRORS_LEFT_STATUS: i32 = 4;
/// Offset of the superblock in the file, and bytes of it that are read (ext4, `struct ext4_super_block`).
const SUPERBLOCK_OFFSET: u64 = 1024;
const SUPERBLOCK_BYTES: usize = 64;
const EXT4_MAGIC: u16 = 0xEF53;
/// Value of the field `s_state` of a file system that was unmounted and has no known errors.
const CLEAN_STATE: u16 = 1;

/// The format of a disk file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskFormat {
    /// With a journal: the content survives a crash of the host.
    Durable,
    /// Without a journal: the content is discarded after a crash of the host.
    Disposable,
}

/// Makes a disk file, or replaces it by an empty one.
pub fn make_disk_file(path: &Path, quota: StorageQuota, format: DiskFormat) -> io::Result<()> {
    let new = path.with_extension("new");
    state_files::remove_path(&new)?;
    if let Err(error) = format_file(&new, quota, format) {
        state_files::remove_path(&new)?;
        return Err(error);
    }
    fs::rename(&new, path)?;
    state_files::sync_parent_folder(path)
}

fn format_file(new: &Path, quota: StorageQuota, format: DiskFormat) -> io::Result<()> {
    let size = quota.size.get().max(MIN_DISK_SIZE.get());
    let file = disk_templates::create_private_file(new)?;
    file.set_len(size)?;
    let mut command = build_command("mke2fs")?;
    let features = disk_templates::EXT4_FEATURES;
    command.args(["-q", "-F", "-t", disk_templates::FILE_SYSTEM_TYPE, "-e", "remount-ro", "-m", "0"]);
    command.args(["-b", &BLOCK_BYTES.to_string(), "-I", "256", "-N", &quota.inodes.to_string()]);
    // The file is new and reads as zeros, so nothing needs to be written for unused inodes and the journal.
    command.args(["-E", "lazy_itable_init=1,lazy_journal_init=1,packed_meta_blocks=1,root_owner=0:0"]);
    match format {
        DiskFormat::Durable => {
            command.args(["-O", &format!("{features},has_journal,resize_inode")]);
            let journal = JOURNAL_SIZE.get().min(size / 4) >> 20;
            command.args(["-J", &format!("size={journal}")]);
        }
        DiskFormat::Disposable => {
            command.args(["-O", features]);
        }
    }
    programs::check_success("mke2fs", &command.arg(new).output()?)?;
    file.sync_all()
}

/// An existing disk file. Its lock is held, so that no helper attaches it meanwhile.
#[derive(Debug)]
pub struct DiskFile {
    path: PathBuf,
    file: File,
}

impl DiskFile {
    /// Opens the file and waits for its lock, which others hold for milliseconds.
    pub fn open_locked(path: &Path) -> io::Result<Self> {
        let deadline = Instant::now() + LOCK_TIMEOUT;
        while Instant::now() < deadline {
            let file = OpenOptions::new().read(true).write(true).open(path)?;
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                // The file may have been replaced meanwhile.
                Ok(()) if fs::symlink_metadata(path)?.ino() == file.metadata()?.ino() => {
                    return Ok(Self { path: path.to_owned(), file });
                }
                Ok(()) => {}
                Err(rustix::io::Errno::WOULDBLOCK) => std::thread::sleep(LOCK_POLL_INTERVAL),
                Err(error) => return Err(error.into()),
            }
        }
        Err(io::Error::new(io::ErrorKind::TimedOut, "another process holds the disk file's lock"))
    }

    /// Finds the loop device that the file is attached to, or attaches it to a free one.
    pub fn attach_device(&self) -> io::Result<LoopDevice> {
        match LoopDevice::find_attached(&self.file, &self.path)? {
            Some(device) => Ok(device),
            None => {
                // The device keeps the open file that it is given, and with it a lock of that file: it gets another.
                let reopened = format!("/proc/self/fd/{}", self.file.as_raw_fd());
                LoopDevice::attach_file(OpenOptions::new().read(true).write(true).open(reopened)?)
            }
        }
    }

    /// True while a container has the file system mounted.
    pub fn is_attached(&self) -> io::Result<bool> {
        Ok(LoopDevice::find_attached(&self.file, &self.path)?.is_some())
    }

    /// Repairs the file system, if the kernel has noted an error. A journal of an interrupted mount needs no repair:
    /// the kernel replays it.
    pub fn repair_errors(&mut self) -> io::Result<()> {
        match self.read_superblock()? {
            Superblock { state: CLEAN_STATE, .. } => Ok(()),
            _ => self.run_fsck(&["-p"]),
        }
    }

    /// Enlarges the file system to `size`. A larger one stays as it is.
    pub fn enlarge_to(&mut self, size: Memory) -> io::Result<()> {
        if self.file.metadata()?.len() >= size.get() {
            return Ok(());
        }
        self.run_fsck(&["-f", "-p"])?;
        self.file.set_len(size.get())?;
        let output = build_command("resize2fs")?.arg(&self.path).output()?;
        programs::check_success("resize2fs", &output)
    }

    /// True if the file system is clean and has this share of its space and of its inodes free.
    pub fn has_room(&self, percent: u64) -> bool {
        self.read_superblock().is_ok_and(|block| {
            let has_share = |free: u32, all: u32| u64::from(free) * 100 >= u64::from(all) * percent;
            block.state == CLEAN_STATE
                && has_share(block.free_blocks, block.blocks)
                && has_share(block.free_inodes, block.inodes)
        })
    }

    /// Measures the bytes that the file occupies on the host and its file system does not use. 0 for a file system with
    /// errors.
    pub fn measure_unused_space(&self) -> io::Result<u64> {
        let block = self.read_superblock()?;
        if block.state != CLEAN_STATE {
            return Ok(0);
        }
        let used = u64::from(block.blocks.saturating_sub(block.free_blocks)) * BLOCK_BYTES;
        Ok((self.file.metadata()?.blocks() * 512).saturating_sub(used))
    }

    fn run_fsck(&self, options: &[&str]) -> io::Result<()> {
        let output = build_command("e2fsck")?.args(options).arg(&self.path).output()?;
        match output.status.code() {
            Some(code) if code < ERRORS_LEFT_STATUS => Ok(()),
            _ => {
                let text = String::from_utf8_lossy(&output.stdout);
                let reason = text.lines().next().unwrap_or("no reason given");
                Err(io::Error::other(format!("e2fsck ended with {}: {reason}", output.status)))
            }
        }
    }

    fn read_superblock(&self) -> io::Result<Superblock> {
        let mut bytes = [0; SUPERBLOCK_BYTES];
        self.file.read_exact_at(&mut bytes, SUPERBLOCK_OFFSET)?;
        Superblock::parse(&bytes).ok_or_else(|| io::Error::other("the file has no ext4 file system"))
    }
}

/// Fields of an ext4 superblock.
#[derive(Debug, PartialEq, Eq)]
struct Superblock {
    inodes: u32,
    blocks: u32,
    free_blocks: u32,
    free_inodes: u32,
    state: u16,
}

impl Superblock {
    /// Parses the fields (Linux `Documentation/filesystems/ext4/super.rst`). Disk files have fewer than 2^32 blocks.
    fn parse(bytes: &[u8; SUPERBLOCK_BYTES]) -> Option<Self> {
        let long = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        let short = |at: usize| Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        (short(0x38)? == EXT4_MAGIC).then_some(Self {
            inodes: long(0x00)?,
            blocks: long(0x04)?,
            free_blocks: long(0x0C)?,
            free_inodes: long(0x10)?,
            state: short(0x3A)?,
        })
    }
}

fn build_command(name: &str) -> io::Result<Command> {
    let program =
        programs::find_program(name, "e2fsprogs").map_err(|error| io::Error::other(error.to_string()))?;
    let mut command = Command::new(program);
    command.env_clear().stdin(Stdio::null());
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL_QUOTA: StorageQuota = StorageQuota { size: Memory::from_mib(32), inodes: 2000 };

    #[test]
    fn disk_file_has_the_size_and_inodes_of_its_quota_and_occupies_little() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        for format in [DiskFormat::Durable, DiskFormat::Disposable] {
            let path = folder.path().join("1.disk");
            make_disk_file(&path, StorageQuota { size: Memory::from_mib(2048), inodes: 100_000 }, format)?;
            let disk = DiskFile::open_locked(&path)?;
            let block = disk.read_superblock()?;
            assert_eq!((block.blocks, block.state), (2 << 18, CLEAN_STATE));
            assert!((100_000..110_000).contains(&block.inodes), "{block:?}");
            assert!(disk.has_room(80) && !disk.has_room(101));
            assert!(path.metadata()?.blocks() * 512 < 8 << 20, "{:?}", path.metadata()?.blocks());
        }
        Ok(())
    }

    #[test]
    fn durable_disk_is_enlarged_and_never_shrunk() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("1.disk");
        make_disk_file(&path, SMALL_QUOTA, DiskFormat::Durable)?;
        let mut disk = DiskFile::open_locked(&path)?;
        disk.enlarge_to(Memory::from_mib(256))?;
        assert_eq!(disk.read_superblock()?.blocks, 256 << 8);
        disk.enlarge_to(Memory::from_mib(64))?;
        assert_eq!(disk.read_superblock()?.blocks, 256 << 8);
        disk.repair_errors()
    }

    #[test]
    fn damaged_disk_is_repaired_or_refused() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("1.disk");
        make_disk_file(&path, SMALL_QUOTA, DiskFormat::Durable)?;
        let mut disk = DiskFile::open_locked(&path)?;
        // The kernel sets the second bit when it meets an error.
        disk.file.write_all_at(&[3, 0], SUPERBLOCK_OFFSET + 0x3A)?;
        assert!(!disk.has_room(1));
        disk.repair_errors()?;
        assert!(disk.has_room(1));
        disk.file.write_all_at(&[0; SUPERBLOCK_BYTES], SUPERBLOCK_OFFSET)?;
        assert!(disk.repair_errors().is_err() && !disk.has_room(0));
        Ok(())
    }
}
