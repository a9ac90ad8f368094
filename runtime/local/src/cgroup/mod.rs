//! Control group of a container: resource use, killing its processes, and removal. Supports cgroups v1 and
//! v2.

pub mod limited;
mod v1;
mod v2;

use std::{
    ffi::CString,
    fs, io,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

use hearth_runtime_waiter::{Counter, parse_counter};

/// Resource use of a control group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CgroupUsage {
    /// Current memory use in bytes, without reclaimable file cache.
    pub memory: u64,
    /// Peak memory use in bytes.
    pub peak_memory: u64,
    /// Processor time in microseconds.
    pub cpu_micros: u64,
    /// Current number of processes and threads.
    pub processes: u64,
    /// Number of processes that the OOM killer has killed.
    pub oom_kills: u64,
    /// Number of forks that failed because of the process limit.
    pub refused_forks: u64,
}

/// Kernel file with one counter of a control group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterFile {
    path: CString,
    key: &'static str,
    divisor: u64,
}

impl CounterFile {
    fn new(path: PathBuf, key: &'static str, divisor: u64) -> Self {
        // A cgroup path contains no zero byte, so the default is never used; an empty path would read as 0.
        Self { path: CString::new(path.into_os_string().into_vec()).unwrap_or_default(), key, divisor }
    }

    pub fn as_counter(&self) -> Counter<'_> {
        Counter { path: &self.path, key: self.key, divisor: self.divisor }
    }
}

/// Files of the counters that are read after a container's exit. See [`CgroupUsage`] for their meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterFiles {
    pub oom_kills: CounterFile,
    pub peak_memory: CounterFile,
    pub cpu_micros: CounterFile,
    pub refused_forks: CounterFile,
}

/// Control group, in either version of cgroups.
pub trait Cgroup: Send + Sync {
    /// Folders of the group: one in v2, one for each hierarchy in v1.
    fn list_folders(&self) -> Vec<PathBuf>;
    /// Files of its counters.
    fn counter_files(&self) -> CounterFiles;
    /// Reads its resource use; an unreadable value is 0.
    fn read_usage(&self) -> CgroupUsage;
    /// Kills all processes in it.
    fn kill_processes(&self) -> io::Result<()>;

    /// Moves this process, which must have no threads, into it.
    fn join_cgroup(&self) -> io::Result<()>;

    /// Makes the group and moves this process into it before libcontainer makes the container, in v1 only,
    /// where this is faster. Afterwards libcontainer cannot move a process into the group in this process's
    /// mount namespace.
    fn create_and_join(&self) -> io::Result<()> {
        Ok(())
    }

    /// Removes it. It must contain no live process.
    fn remove(&self) -> io::Result<()> {
        self.list_folders().iter().try_for_each(|folder| remove_tree(folder))
    }
}

/// Opens the group at `path`, for example `/hearth/one/run_….0.1`, below the host's cgroup mounts. It need
/// not exist.
pub fn open_cgroup(path: &str) -> Box<dyn Cgroup> {
    let mounts = Path::new("/sys/fs/cgroup");
    let path = path.trim_start_matches('/');
    if is_v2() {
        Box::new(v2::CgroupV2::new(mounts.join(path)))
    } else {
        Box::new(v1::CgroupV1::new(mounts, path))
    }
}

/// Returns true when the host has only the unified hierarchy.
pub fn is_v2() -> bool {
    Path::new("/sys/fs/cgroup/cgroup.controllers").exists()
}

/// Lists the names of the groups below `path`.
pub fn list_children(path: &str) -> Vec<String> {
    let mut names: Vec<String> = open_cgroup(path)
        .list_folders()
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

/// Reads the number in a file, or 0.
fn read_number(path: &Path) -> u64 {
    read_entry(path, "")
}

/// Reads the number after `key` in a file of `key number` lines, or 0.
fn read_entry(path: &Path, key: &str) -> u64 {
    parse_counter(&fs::read_to_string(path).unwrap_or_default(), key).unwrap_or(0)
}

/// Returns true when a group was removed before its file was opened (ENOENT) or read (ENODEV).
fn is_removed(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ENODEV)
}

fn remove_tree(folder: &Path) -> io::Result<()> {
    if let Ok(entries) = fs::read_dir(folder) {
        for entry in entries.filter_map(Result::ok).filter(|entry| entry.path().is_dir()) {
            remove_tree(&entry.path())?;
        }
    }
    // A killed process stays a member until it is reaped, and the kernel returns EBUSY.
    for _ in 0..200 {
        match fs::remove_dir(folder) {
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            Err(error) if is_removed(&error) => return Ok(()),
            other => return other,
        }
    }
    fs::remove_dir(folder)
}

/// Kills the processes of a group repeatedly until none is left.
fn kill_members(folder: &Path) -> io::Result<()> {
    for _ in 0..200 {
        let members = match fs::read_to_string(folder.join("cgroup.procs")) {
            Err(error) if is_removed(&error) => return Ok(()),
            members => members?,
        };
        let pids =
            members.lines().filter_map(|line| line.parse().ok()).filter_map(rustix::process::Pid::from_raw);
        let mut has_members = false;
        for pid in pids {
            has_members = true;
            // The process may have exited meanwhile, so the error is ignored.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
        if !has_members {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    Err(io::Error::other("the processes do not exit after SIGKILL"))
}
