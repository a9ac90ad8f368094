//! Empty disks, one for each of some sizes. A container's disk begins as a copy of one: a file with a file
//! system that no program can make larger, whatever it writes.
//!
//! The file has holes where nothing was written, so that it takes of the host's disk what the container has used of it.

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

use crate::{disk, failure::Doing, programs, sys::loops};

/// The kind of file system.
pub const KIND: &str = "ext4";
/// Counts changes of what is below: what an earlier release made is not taken for what this one would.
const VERSION: u32 = 1;
/// What the file system has, whatever the host's own settings for new ones are. No journal, for nobody looks at it
/// after a crash; nothing that is written before it is needed.
const FEATURES: &str = "none,dir_index,dir_nlink,ext_attr,extent,extra_isize,filetype,flex_bg,huge_file,\
                        large_file,sparse_super,uninit_bg";

/// See the module.
#[derive(Debug)]
pub struct Blanks {
    folder: PathBuf,
    making: Mutex<()>,
}

impl Blanks {
    /// In a folder that is there, if this host can have such disks.
    pub fn open(folder: PathBuf) -> Result<Self> {
        usable()?;
        Ok(Self { folder, making: Mutex::default() })
    }

    /// The empty disk of so many bytes, or of up to a quarter more; made when it is asked for first.
    pub fn of(&self, size: Memory) -> Result<PathBuf> {
        let size = step(size.get());
        let path = self.folder.join(format!("{VERSION}-{size}"));
        let _one_at_a_time = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if !path.exists() {
            let new = path.with_extension("new");
            make(&new, size)
                .and_then(|()| fs::rename(&new, &path))
                .doing(format_args!("making a disk of {size} bytes"))?;
        }
        Ok(path)
    }
}

/// The next of four sizes between each power of two and the one above: whatever sizes tools ask for, there are few
/// files.
fn step(size: u64) -> u64 {
    let quarter = (size.max(16).next_power_of_two() / 8).max(4096);
    size.div_ceil(quarter) * quarter
}

/// Whether this host can have such disks.
pub fn usable() -> Result<()> {
    program()?;
    loops::usable().doing("a loop device")?;
    rustix::mount::fsopen(KIND, FsOpenFlags::FSOPEN_CLOEXEC)
        .map(drop)
        .doing(format_args!("a file system {KIND}"))
}

fn make(path: &Path, size: u64) -> io::Result<()> {
    disk::remove(path)?;
    let file = own(path)?;
    file.set_len(size)?;
    let program = program().map_err(|error| io::Error::other(error.to_string()))?;
    let mut command = Command::new(program);
    command.env_clear().args(["-q", "-F", "-t", KIND, "-O", FEATURES]);
    // Nothing is set aside for root, tables are written when they are used, and lie together so that few pieces are
    // copied.
    command.args(["-b", "4096", "-I", "256", "-i", "16384", "-m", "0"]);
    command.args(["-E", "lazy_itable_init=1,packed_meta_blocks=1,root_owner=0:0"]);
    let output = command.arg(path).stdin(Stdio::null()).output()?;
    programs::done("mke2fs", &output)?;
    file.sync_all()
}

/// Copies an empty disk to a new file, holes as holes.
pub fn copy(blank: &Path, to: &Path) -> io::Result<File> {
    let (mut from, mut file) = (File::open(blank)?, own(to)?);
    file.set_len(from.metadata()?.len())?;
    let mut place = 0;
    loop {
        let begin = match rustix::fs::seek(&from, Extent::Data(place)) {
            // Nothing but a hole is left.
            Err(Errno::NXIO) => return Ok(file),
            begin => begin?,
        };
        place = rustix::fs::seek(&from, Extent::Hole(begin))?;
        from.seek(SeekFrom::Start(begin))?;
        file.seek(SeekFrom::Start(begin))?;
        io::copy(&mut io::Read::take(&mut from, place - begin), &mut file)?;
    }
}

fn own(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
}

/// The program that makes file systems.
fn program() -> Result<PathBuf> {
    programs::find("mke2fs", "e2fsprogs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_few_sizes_and_each_has_room_for_what_was_asked_for() {
        for (asked, gets) in [(16, 16), (17, 20), (31, 32), (1024, 1024), (1025, 1280), (2048, 2048)] {
            assert_eq!(step(asked << 20), gets << 20, "{asked}");
        }
        assert_eq!(step((2 << 30) - 1), 2 << 30);
        assert!(step(1) >= 4096);
    }
}
