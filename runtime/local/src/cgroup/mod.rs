//! A container's control group: what it uses, how it ends, and that nothing of it is left.

mod v1;
mod v2;

use std::{
    ffi::CString,
    fs, io,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

use hearth_runtime_waiter::{Counter, count};

/// What a group has used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    /// Bytes of memory now, without file cache that can be dropped.
    pub memory: u64,
    /// The most bytes of memory there were.
    pub peak_memory: u64,
    /// Microseconds of processor time.
    pub cpu_micros: u64,
    /// Processes and threads now.
    pub processes: u64,
    /// Processes that were killed because memory was used up.
    pub oom_kills: u64,
    /// How often a process could not be started, there being as many as may be.
    pub refused: u64,
}

/// One of the numbers that are wanted of a group when it is over: where the kernel keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    path: CString,
    key: &'static str,
    per: u64,
}

impl Fact {
    fn new(path: PathBuf, key: &'static str, per: u64) -> Self {
        // A path from the kernel's mounts and ids holds no zero byte; an empty one can't be read, and is 0.
        Self { path: CString::new(path.into_os_string().into_vec()).unwrap_or_default(), key, per }
    }

    pub fn counter(&self) -> Counter<'_> {
        Counter { path: &self.path, key: self.key, per: self.per }
    }
}

/// See [`Used`] for what they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub oom_kills: Fact,
    pub peak_memory: Fact,
    pub cpu_micros: Fact,
    pub refused: Fact,
}

/// One group, in whichever version of cgroups the host has.
pub trait Group: Send + Sync {
    /// Where the group is: one folder, or one per controller.
    fn folders(&self) -> Vec<PathBuf>;
    /// Where its last numbers are.
    fn facts(&self) -> Facts;
    /// What it has used; what can't be read is 0.
    fn used(&self) -> Used;
    /// Kills everything in it.
    fn kill(&self) -> io::Result<()>;

    /// Moves this process, which has no threads, into it.
    fn join(&self) -> io::Result<()>;

    /// Makes the group and moves this process into it before a container is made, where that is quicker than to be
    /// moved meanwhile. In this process's own mount namespace nobody is moved into it from then on.
    fn begin(&self) -> io::Result<()> {
        Ok(())
    }

    /// Removes it, once nothing lives in it.
    fn remove(&self) -> io::Result<()> {
        self.folders().iter().try_for_each(|folder| remove_tree(folder))
    }
}

/// The group at `path`, such as `/hearth/one/run_….0.1`, below the host's cgroup mounts.
pub fn group(path: &str) -> Box<dyn Group> {
    let mounts = Path::new("/sys/fs/cgroup");
    let path = path.trim_start_matches('/');
    if is_v2() { Box::new(v2::Unified::at(mounts.join(path))) } else { Box::new(v1::Split::at(mounts, path)) }
}

/// Whether the host has the unified hierarchy only.
pub fn is_v2() -> bool {
    Path::new("/sys/fs/cgroup/cgroup.controllers").exists()
}

/// Groups below `path`, by name.
pub fn children(path: &str) -> Vec<String> {
    let mut names: Vec<String> = group(path)
        .folders()
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .filter_map(|entry| entry.ok())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names.dedup();
    names
}

/// The number in a file, or 0.
fn number(path: &Path) -> u64 {
    entry(path, "")
}

/// The number behind `key` in a file of `key number` lines, or 0.
fn entry(path: &Path, key: &str) -> u64 {
    count(&fs::read_to_string(path).unwrap_or_default(), key).unwrap_or(0)
}

/// Whether a group was removed: before its file was opened, or between that and the reading of it.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ENODEV)
}

fn remove_tree(folder: &Path) -> io::Result<()> {
    if let Ok(entries) = fs::read_dir(folder) {
        for entry in entries.filter_map(Result::ok).filter(|entry| entry.path().is_dir()) {
            remove_tree(&entry.path())?;
        }
    }
    // A process that was killed is a member until it has been waited for.
    for _ in 0..200 {
        match fs::remove_dir(folder) {
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            Err(error) if is_gone(&error) => return Ok(()),
            other => return other,
        }
    }
    fs::remove_dir(folder)
}

/// Kills every process listed in a group, until none is left.
fn kill_members(folder: &Path) -> io::Result<()> {
    for _ in 0..200 {
        let members = match fs::read_to_string(folder.join("cgroup.procs")) {
            Err(error) if is_gone(&error) => return Ok(()),
            members => members?,
        };
        let pids =
            members.lines().filter_map(|line| line.parse().ok()).filter_map(rustix::process::Pid::from_raw);
        let mut lives = false;
        for pid in pids {
            lives = true;
            // It may have ended in this moment.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
        if !lives {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    Err(io::Error::other("processes do not end"))
}
