//! A container's helper: a process without threads that starts it, and then becomes a small program that keeps its
//! log and writes down how it ended.
//!
//! It outlives the runtime's process and is found again by its files.

pub mod brief;
mod bundle;
pub mod files;
#[cfg(test)]
mod golden;
mod net;
pub mod program;
mod root;
pub mod spool;
pub mod waiter;

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read, Write},
    os::fd::OwnedFd,
    path::Path,
};

use hearth_base::{Clock, SystemClock};
use hearth_runtime_api::{End, Outcome};
use hearth_runtime_waiter::NEWS;
use jiff::Timestamp;
use libcontainer::{
    container::{Container, builder::ContainerBuilder},
    syscall::syscall::SyscallType,
};
use rustix::{
    mount::{MountFlags, MountPropagationFlags},
    pipe::PipeFlags,
    process::{Pid, Signal, WaitOptions},
};

use crate::{
    cgroup, disk, seccomp,
    sys::{
        child::{self, Side},
        ids,
    },
};

use brief::Brief;
use files::{Began, Exit};

/// Where libcontainer keeps what it has made, below the helper's mounts.
const MADE: &str = "state";

/// The process's `main`. Its argument is the folder with its brief, its input the program that it becomes.
pub fn main(arguments: &[OsString]) -> i32 {
    let Some(folder) = arguments.first() else { return 2 };
    let Ok(brief) = Brief::read(Path::new(folder)) else { return 2 };
    let asked = SystemClock.now();
    // From here on the start is this process's, and is found by that; unless the runtime has called it off.
    let claimed =
        Began::starting().and_then(|began| disk::tell_first(&brief.folder.join(files::STATE), &began));
    if claimed.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::AlreadyExists) {
        return 2;
    }
    let log = claimed.and_then(|()| spool::create(&brief.folder.join(files::LOG), brief.instance));
    let done = match log.and_then(|log| Ok((start(&brief)?, log))) {
        Ok((running, log)) => waiter::wait(&brief, &running, &log),
        Err(error) => give_up(&brief, asked, &error),
    };
    i32::from(done.is_err())
}

/// Writes down that a container could not be started.
fn give_up(brief: &Brief, asked: Timestamp, error: &io::Error) -> io::Result<()> {
    let _ = cgroup::group(&brief.cgroup).kill();
    let end = End::NotStarted { reason: error.to_string() };
    let outcome = Outcome::bare(end, asked);
    let written = disk::replace(&brief.folder.join(files::EXIT), &Exit::new(outcome));
    tell();
    written
}

/// Says that something is written down: that the container's process runs, or how it ended. What the helper still
/// does then, taking its mounts down, is nobody's to wait for.
fn tell() {
    let _ = io::stdout().write_all(NEWS).and_then(|()| io::stdout().flush());
}

/// A container whose process runs.
pub struct Running {
    pid: Pid,
    pidfd: OwnedFd,
    out: OwnedFd,
    err: OwnedFd,
    since: Timestamp,
}

fn start(brief: &Brief) -> io::Result<Running> {
    rustix::process::setsid()?;
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    child::leave_namespaces(libc::CLONE_NEWNS)?;
    rustix::mount::mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    rustix::mount::mount("hearth", &brief.mounts, "tmpfs", flags, Some(c"mode=0711,size=8m"))?;

    let (pid, pidfd) = match child::fork(libc::CLONE_NEWUSER | libc::CLONE_NEWNET)? {
        Side::Child => net::hold(),
        Side::Parent(pid, pidfd) => (pid, pidfd),
    };
    let number = pid.as_raw_nonzero().get();
    let built = ids::map_ids(number, 0, brief.first_id)
        .and_then(|()| net::connect(brief, number, &pidfd))
        .and_then(|()| build(brief, number));
    ids::end(&pidfd, pid)?;
    let (mut container, out, err) = built?;
    let init = container.pid().and_then(|pid| Pid::from_raw(pid.as_raw()));
    let init = init.ok_or_else(|| io::Error::other("the container has no first process"))?;
    let init_fd = rustix::process::pidfd_open(init, rustix::process::PidfdFlags::empty())?;
    let since = SystemClock.now();
    let began =
        Began::running(init.as_raw_nonzero().get(), since, brief.link.as_ref().map(|link| link.address))?;
    container.start().map_err(io::Error::other)?;
    disk::tell(&brief.folder.join(files::STATE), &began)?;
    tell();
    Ok(Running { pid: init, pidfd: init_fd, out, err, since })
}

/// A container before its program is started, and what that will write.
type Built = (Container, OwnedFd, OwnedFd);

/// Puts the container together, up to the moment before its program is started.
///
/// A child does that, in the container's group, and ends: the container becomes this process's.
fn build(brief: &Brief, holder: i32) -> io::Result<Built> {
    root::assemble(brief)?;
    bundle::write(brief, holder)?;
    let (out, out_end) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    let (err, err_end) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    // The container's first process keeps an end of it until its program is started: nobody may wait for that.
    let (said, say) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
    let helper = rustix::process::getpid();
    match child::fork(0)? {
        Side::Child => {
            let refused = make(brief, helper, out_end, err_end).err();
            let told = refused.as_ref().map(|error| File::from(say).write_all(error.to_string().as_bytes()));
            child::exit(i32::from(told.is_some()))
        }
        Side::Parent(pid, _) => {
            drop((out_end, err_end, say));
            let ended = rustix::process::waitpid(Some(pid), WaitOptions::empty())?;
            if ended.and_then(|(_, status)| status.exit_status()) != Some(0) {
                let mut refused = Vec::new();
                let read = File::from(said).read_to_end(&mut refused);
                let cut_short = || format!("who was to make it said nothing: {read:?}");
                return Err(io::Error::other(match String::from_utf8_lossy(&refused) {
                    nothing if nothing.is_empty() => cut_short(),
                    reason => reason.into_owned(),
                }));
            }
        }
    }
    let made = brief.mounts.join(MADE).join(brief.instance.to_string());
    Ok((Container::load(made).map_err(told)?, out, err))
}

fn make(brief: &Brief, helper: Pid, out_end: OwnedFd, err_end: OwnedFd) -> io::Result<()> {
    // Without a helper, nobody would wait for what is made.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    if rustix::process::getppid() != Some(helper) {
        return Err(io::Error::other("its helper has ended"));
    }
    child::leave_namespaces(libc::CLONE_NEWNS)?;
    cgroup::group(&brief.cgroup).begin()?;
    let filters = seccomp::container(brief.workload.isolation).map_err(io::Error::other)?;
    let program = program::Program::new(&brief.opened()?, filters);
    let nothing = File::open("/dev/null")?;
    ContainerBuilder::new(brief.instance.to_string(), SyscallType::Linux)
        .with_executor(program)
        .with_root_path(brief.mounts.join(MADE))
        .map_err(told)?
        .with_stdin(nothing)
        .with_stdout(out_end)
        .with_stderr(err_end)
        .as_init(&brief.mounts)
        .with_systemd(false)
        .with_detach(true)
        .build()
        .map(drop)
        .map_err(told)
}

/// What libcontainer puts before a reason of ours, and behind any: what it then tried to clear away is cleared by the
/// runtime.
const AROUND: (&str, &str) = ("error in executing process : ", ". error during cleanup");

/// The innermost reason is the one that helps.
fn told(error: impl std::error::Error) -> io::Error {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let more = inner.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = inner.source();
    }
    let (before, behind) = AROUND;
    let reason = text.split(behind).next().unwrap_or_default();
    io::Error::other(reason.rsplit(before).next().unwrap_or_default().to_owned())
}
