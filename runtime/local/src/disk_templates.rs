//! Disk templates: files with an empty file system, one for each of a few sizes. A container's disk is a copy
//! of one, so that the size of its file system limits what the container writes.
//!
//! The file is sparse: it occupies only as much of the host's disk as the container has written.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Seek, SeekFrom},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
};

use hearth_base::{Memory, Result};
use rustix::{fs::SeekFrom as Extent, io::Errno, mount::FsOpenFlags};

use crate::{host_error::HostErrorContext, programs, state_files, sys::loop_device};

/// File system type of the disks.
pub const FILE_SYSTEM_TYPE: &str = "ext4";
/// Version of the mke2fs options below. It is part of the file name, so that a template of an earlier release
/// with other options is not used.
const TEMPLATE_VERSION: u32 = 1;
/// ext4 features, independent of the host's `mke2fs.conf`. There is no journal, because no container's disk is
/// mounted again after a crash of the host.
pub const EXT4_FEATURES: &str = "none,dir_index,dir_nlink,ext_attr,extent,extra_isize,filetype,flex_bg,huge_file,\
                        large_file,sparse_super,uninit_bg";

/// Disk templates of one Hearth.
#[derive(Debug)]
pub struct DiskTemplates {
    folder: PathBuf,
    creation_lock: Mutex<()>,
}

impl DiskTemplates {
    /// Opens the existing folder of templates. Fails when this host does not support loop devices or ext4.
    pub fn open(folder: PathBuf) -> Result<Self> {
        check_supported()?;
        Ok(Self { folder, creation_lock: Mutex::default() })
    }

    /// Returns the path of the template for `size` bytes, rounded up by at most a quarter; makes the file at
    /// first use.
    pub fn ensure_template(&self, size: Memory) -> Result<PathBuf> {
        let size = round_up_size(size.get());
        let path = self.folder.join(format!("{TEMPLATE_VERSION}-{size}"));
        let _one_at_a_time = self.creation_lock.lock().unwrap_or_else(PoisonError::into_inner);
        if !path.exists() {
            let new = path.with_extension("new");
            make_template(&new, size)
                .and_then(|()| fs::rename(&new, &path))
                .with_context(format_args!("making a disk of {size} bytes"))?;
        }
        Ok(path)
    }
}

/// Rounds up to one of four sizes between two powers of two, so that any requested sizes need only a few
/// files.
fn round_up_size(size: u64) -> u64 {
    let quarter = (size.max(16).next_power_of_two() / 8).max(4096);
    size.div_ceil(quarter) * quarter
}

/// Checks that this host has mke2fs, loop devices and the file system.
pub fn check_supported() -> Result<()> {
    find_mke2fs()?;
    loop_device::check_supported().with_context("attaching a loop device")?;
    rustix::mount::fsopen(FILE_SYSTEM_TYPE, FsOpenFlags::FSOPEN_CLOEXEC)
        .map(drop)
        .with_context(format_args!("opening the file system {FILE_SYSTEM_TYPE}"))
}

fn make_template(path: &Path, size: u64) -> io::Result<()> {
    state_files::remove_path(path)?;
    let file = create_private_file(path)?;
    file.set_len(size)?;
    let program = find_mke2fs().map_err(|error| io::Error::other(error.to_string()))?;
    let mut command = Command::new(program);
    command.env_clear().args(["-q", "-F", "-t", FILE_SYSTEM_TYPE, "-O", EXT4_FEATURES]);
    // No blocks are reserved for root. Inode tables are initialised at first use and lie together, so that a
    // sparse copy has few extents.
    command.args(["-b", "4096", "-I", "256", "-i", "16384", "-m", "0"]);
    command.args(["-E", "lazy_itable_init=1,packed_meta_blocks=1,root_owner=0:0"]);
    let output = command.arg(path).stdin(Stdio::null()).output()?;
    programs::check_success("mke2fs", &output)?;
    file.sync_all()
}

/// Copies a template to a new file and keeps its holes.
pub fn copy_sparse(template: &Path, to: &Path) -> io::Result<File> {
    let (mut from, mut file) = (File::open(template)?, create_private_file(to)?);
    file.set_len(from.metadata()?.len())?;
    let mut place = 0;
    loop {
        let begin = match rustix::fs::seek(&from, Extent::Data(place)) {
            // ENXIO: the rest of the file is a hole (lseek(2), SEEK_DATA).
            Err(Errno::NXIO) => return Ok(file),
            begin => begin?,
        };
        place = rustix::fs::seek(&from, Extent::Hole(begin))?;
        from.seek(SeekFrom::Start(begin))?;
        file.seek(SeekFrom::Start(begin))?;
        io::copy(&mut io::Read::take(&mut from, place - begin), &mut file)?;
    }
}

/// Creates a file that only root can read and write.
pub fn create_private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
}

/// Path of `mke2fs`.
fn find_mke2fs() -> Result<PathBuf> {
    programs::find_program("mke2fs", "e2fsprogs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn template_sizes_are_few_and_at_least_the_requested_size() {
        for (requested, rounded) in [(16, 16), (17, 20), (31, 32), (1024, 1024), (1025, 1280), (2048, 2048)] {
            assert_eq!(round_up_size(requested << 20), rounded << 20, "{requested}");
        }
        assert_eq!(round_up_size((2 << 30) - 1), 2 << 30);
        assert!(round_up_size(1) >= 4096);
    }
}
