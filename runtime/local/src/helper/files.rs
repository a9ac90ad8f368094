//! State files of a helper, by which the next runtime process finds it. Each has a version; later releases
//! must read all earlier versions.

use std::{
    fs, io,
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use hearth_runtime_api::{ContainerOutcome, Health};
use jiff::Timestamp;
use rustix::process::Pid;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::state_files;

/// File with the processes of the helper and the container.
pub const STATE_FILE: &str = "state.json";
/// File with the container's exit. It exists only after the exit.
pub const EXIT_FILE: &str = "exit.json";
/// File with the container's health. The runtime process writes it.
pub const HEALTH_FILE: &str = "health.json";
/// Log spool.
pub const LOG_FILE: &str = "log";

/// Version that this release writes.
pub const FILE_VERSION: u32 = 1;

/// Process id and start time, which distinguish a process from a later one with the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessIdentity {
    pub pid: i32,
    /// Start time in clock ticks since boot: field 22 of `/proc/PID/stat`.
    pub start: u64,
}

/// Content of the state file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelperState {
    pub version: u32,
    pub helper: ProcessIdentity,
    /// The container's init process, once it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<InitProcess>,
}

/// Init process of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitProcess {
    #[serde(flatten)]
    pub process: ProcessIdentity,
    pub since: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Ipv4Addr>,
}

/// Content of the exit file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitRecord {
    pub version: u32,
    pub outcome: ContainerOutcome,
}

impl ProcessIdentity {
    pub fn from_pid(pid: i32) -> io::Result<Self> {
        Ok(Self { pid, start: read_start_time(pid)? })
    }

    /// Opens a pidfd, if the process still runs.
    pub fn open_pidfd(&self) -> Option<std::os::fd::OwnedFd> {
        let pid = Pid::from_raw(self.pid)?;
        let pidfd = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok()?;
        // Checked after the open: the pidfd keeps referring to this process even if its id is reused later.
        (read_start_time(self.pid).ok()? == self.start).then_some(pidfd)
    }

    /// Path of the process's root in `/proc`, if the process still runs. The process id may be reused at any
    /// time, so use the path for reading only.
    pub fn root_path(&self) -> Option<PathBuf> {
        self.open_pidfd().map(|_| PathBuf::from(format!("/proc/{}/root", self.pid)))
    }
}

impl HelperState {
    pub fn new_starting() -> io::Result<Self> {
        let pid = rustix::process::getpid().as_raw_nonzero().get();
        Ok(Self { version: FILE_VERSION, helper: ProcessIdentity::from_pid(pid)?, init: None })
    }

    /// State of a cancelled start: no helper may perform it.
    pub fn new_cancelled() -> Self {
        Self { version: FILE_VERSION, helper: ProcessIdentity { pid: 0, start: 0 }, init: None }
    }

    pub fn new_running(init: i32, since: Timestamp, address: Option<Ipv4Addr>) -> io::Result<Self> {
        let init = InitProcess { process: ProcessIdentity::from_pid(init)?, since, address };
        Ok(Self { init: Some(init), ..Self::new_starting()? })
    }
}

/// Content of the health file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredHealth {
    pub version: u32,
    pub health: Health,
}

impl StoredHealth {
    pub fn new(health: Health) -> Self {
        Self { version: FILE_VERSION, health }
    }
}

impl ExitRecord {
    pub fn new(outcome: ContainerOutcome) -> Self {
        Self { version: FILE_VERSION, outcome }
    }
}

/// Reads one of the files; `None` if it does not exist.
pub fn read_file<T: DeserializeOwned>(folder: &Path, name: &str) -> io::Result<Option<T>> {
    match fs::read(folder.join(name)) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads the state file of an instance. If no helper has begun the start, this cancels it: the state file is
/// created, and a helper that starts later finds it and exits.
pub fn read_or_cancel_start(folder: &Path) -> io::Result<HelperState> {
    if let Ok(Some(state)) = read_file(folder, STATE_FILE) {
        return Ok(state);
    }
    match state_files::create_file_exclusively(&folder.join(STATE_FILE), &HelperState::new_cancelled()) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            read_file(folder, STATE_FILE)?.ok_or_else(|| io::ErrorKind::NotFound.into())
        }
        created => created.map(|()| HelperState::new_cancelled()),
    }
}

/// Reads the start time of a process, in clock ticks since boot.
fn read_start_time(pid: i32) -> io::Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is the command name in parentheses, which may contain any characters.
    let rest = stat.rsplit_once(')').map(|(_, rest)| rest);
    let field = rest.and_then(|rest| rest.split_ascii_whitespace().nth(19));
    field
        .and_then(|field| field.parse().ok())
        .ok_or_else(|| io::Error::other("/proc/PID/stat has no start time"))
}
