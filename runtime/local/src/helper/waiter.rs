//! The wait for a container: the helper becomes a small program for it. Where this host does not let it, it stays as
//! large as it is, and runs the same code.

use std::{
    ffi::CString,
    fs::File,
    io::{self, Write},
    os::{
        fd::{AsFd, AsRawFd},
        unix::ffi::OsStrExt,
    },
    process::{Command, Stdio},
    time::Duration,
};

use hearth_runtime_waiter::{Plan, ROOM, UNTOLD, run};
use rustix::{
    fs::{MemfdFlags, SealFlags},
    io::FdFlags,
};

use crate::{again::Part, cgroup, sys::child};

use super::{Running, brief::Brief, root::ROOT};

/// `runtime/waiter`, as this crate's build script has built it.
static PROGRAM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/hearth-waiter"));

/// The small program, ready to be started. There is one copy of it in memory for all helpers that one process of the
/// runtime starts: a file without a name, to which nobody can write any more.
#[derive(Debug)]
pub struct Program(File);

impl Program {
    /// Puts it into memory, and sees that this host starts it from there.
    pub fn load() -> io::Result<Self> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING | MemfdFlags::EXEC;
        let mut file = File::from(rustix::fs::memfd_create("hearth-waiter", flags)?);
        file.write_all(PROGRAM)?;
        rustix::fs::fcntl_add_seals(
            &file,
            SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL,
        )?;
        let mut trial = Command::new(format!("/proc/self/fd/{}", file.as_raw_fd()));
        trial.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        match trial.status()? {
            status if status.code() == Some(UNTOLD) => Ok(Self(file)),
            status => Err(io::Error::other(format!("the small program ends with {status}"))),
        }
    }

    /// The way in which a helper gets it.
    pub fn as_input(&self) -> io::Result<Stdio> {
        Ok(self.0.try_clone()?.into())
    }
}

/// Waits for a container, and writes down how it ended. Returns only if this process could not become the small
/// program, once it has waited itself.
pub fn wait(brief: &Brief, running: &Running, log: &File) -> io::Result<()> {
    let facts = cgroup::group(&brief.cgroup).facts();
    let (folder, news) = (File::open(&brief.folder)?, io::stdout());
    let disk = brief.blank.as_ref().map(|_| File::open(brief.mounts.join(ROOT))).transpose()?;
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let plan = Plan {
        folder: folder.as_fd(),
        log: log.as_fd(),
        out: running.out.as_fd(),
        err: running.err.as_fd(),
        news: news.as_fd(),
        disk: disk.as_ref().map(AsFd::as_fd),
        init: running.pidfd.as_fd(),
        pid: running.pid,
        since: running.since.as_microsecond(),
        limit: brief.workload.time_limit().map(micros),
        stop_signal: brief.workload.process.stop_signal.into(),
        grace: micros(brief.workload.grace),
        most: brief.log_bytes,
        oom_kills: facts.oom_kills.counter(),
        peak_memory: facts.peak_memory.counter(),
        cpu_micros: facts.cpu_micros.counter(),
        refused: facts.refused.counter(),
    };
    // What is in the way is told by the runtime's process, which has tried the same.
    let _stayed = become_small(brief, &plan);
    let mut room = vec![[0; ROOM]; 2];
    let room = room.first_chunk_mut().ok_or_else(|| io::Error::other("no room for lines"))?;
    Ok(run(&plan, room)?)
}

/// Becomes the program that is this process's input. Returns only the reason why it could not.
fn become_small(brief: &Brief, plan: &Plan<'_>) -> io::Result<()> {
    let numbers = plan.numbers().map(|number| number.to_string()).join(" ");
    // The first two are for people who look at processes.
    let mut argv = vec![
        CString::new(Part::Helper.name())?,
        CString::new(brief.folder.as_os_str().as_bytes())?,
        CString::new(numbers)?,
    ];
    for counter in plan.counters() {
        argv.extend([counter.path.to_owned(), CString::new(counter.key)?]);
    }
    child::close_from(0)?;
    let kept = [plan.folder, plan.log, plan.out, plan.err, plan.news, plan.init];
    for fd in kept.into_iter().chain(plan.disk) {
        rustix::io::fcntl_setfd(fd, FdFlags::empty())?;
    }
    Err(child::execute_file(io::stdin(), &argv))
}
