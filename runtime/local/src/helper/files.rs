//! The files by which a helper is found again, each with a version and readable for ever.

use std::{
    fs, io,
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use hearth_runtime_api::{Health, Outcome};
use jiff::Timestamp;
use rustix::process::Pid;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::disk;

/// Which processes there are.
pub const STATE: &str = "state.json";
/// How it ended; its presence says that it has.
pub const EXIT: &str = "exit.json";
/// The results of its probes; the runtime's process writes the file.
pub const HEALTH: &str = "health.json";
/// What it wrote.
pub const LOG: &str = "log";

/// The version that is written now.
pub const VERSION: u32 = 1;

/// A process that can be told from a later one of the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    pub pid: i32,
    /// Field 22 of `/proc/PID/stat`.
    pub start: u64,
}

/// The state file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Began {
    pub version: u32,
    pub helper: Known,
    /// The container's first process, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<Init>,
}

/// A container's first process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Init {
    #[serde(flatten)]
    pub process: Known,
    pub since: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Ipv4Addr>,
}

/// The exit file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    pub version: u32,
    pub outcome: Outcome,
}

impl Known {
    pub fn of(pid: i32) -> io::Result<Self> {
        Ok(Self { pid, start: start_time(pid)? })
    }

    /// A descriptor for the process, if it is still the same one.
    pub fn open(&self) -> Option<std::os::fd::OwnedFd> {
        let pid = Pid::from_raw(self.pid)?;
        let pidfd = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok()?;
        // Looked at after opening: from here on the number can't change hands unseen.
        (start_time(self.pid).ok()? == self.start).then_some(pidfd)
    }

    /// Where its root is seen from here, if it is still the same one. The number may change hands at any time: for
    /// looking at, not for changing.
    pub fn root(&self) -> Option<PathBuf> {
        self.open().map(|_| PathBuf::from(format!("/proc/{}/root", self.pid)))
    }
}

impl Began {
    pub fn starting() -> io::Result<Self> {
        let pid = rustix::process::getpid().as_raw_nonzero().get();
        Ok(Self { version: VERSION, helper: Known::of(pid)?, init: None })
    }

    /// Of a start that nobody has begun, and nobody may begin any more.
    pub fn nobody() -> Self {
        Self { version: VERSION, helper: Known { pid: 0, start: 0 }, init: None }
    }

    pub fn running(init: i32, since: Timestamp, address: Option<Ipv4Addr>) -> io::Result<Self> {
        let init = Init { process: Known::of(init)?, since, address };
        Ok(Self { init: Some(init), ..Self::starting()? })
    }
}

/// The health file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredHealth {
    pub version: u32,
    pub health: Health,
}

impl StoredHealth {
    pub fn new(health: Health) -> Self {
        Self { version: VERSION, health }
    }
}

impl Exit {
    pub fn new(outcome: Outcome) -> Self {
        Self { version: VERSION, outcome }
    }
}

/// Reads one of the files; `None` when it isn't there.
pub fn read<T: DeserializeOwned>(folder: &Path, name: &str) -> io::Result<Option<T>> {
    match fs::read(folder.join(name)) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Who is at the instance of a folder. Where nobody is yet, nobody will be: a helper that comes late finds its start
/// called off.
pub fn began(folder: &Path) -> io::Result<Began> {
    if let Ok(Some(began)) = read(folder, STATE) {
        return Ok(began);
    }
    match disk::tell_first(&folder.join(STATE), &Began::nobody()) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            read(folder, STATE)?.ok_or_else(|| io::ErrorKind::NotFound.into())
        }
        told => told.map(|()| Began::nobody()),
    }
}

/// When a process began, in ticks since the machine's start.
fn start_time(pid: i32) -> io::Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is a name that may contain anything, in parentheses.
    let rest = stat.rsplit_once(')').map(|(_, rest)| rest);
    let field = rest.and_then(|rest| rest.split_ascii_whitespace().nth(19));
    field.and_then(|field| field.parse().ok()).ok_or_else(|| io::Error::other("a process without a start"))
}
