//! Helper process of a container: a process without threads that starts the container, then executes the
//! small waiter program, which spools the log and writes the exit file.
//!
//! The helper outlives the runtime process. The next runtime process finds it by its files.

mod bundle;
pub mod config;
mod executable;
pub mod files;
#[cfg(test)]
mod golden;
mod net;
pub mod program;
mod root;
pub mod spool;
pub mod waiter;
mod working_folder;

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read, Write},
    os::fd::OwnedFd,
    path::Path,
};

use hearth_base::{Clock, SystemClock};
use hearth_runtime_api::{ContainerOutcome, Termination};
use hearth_runtime_waiter::EXIT_NOTICE;
use jiff::Timestamp;
use libcontainer::{
    container::{Container, builder::ContainerBuilder},
    syscall::syscall::SyscallType,
};
use rustix::{
    fs::{Gid, Uid},
    mount::{MountFlags, MountPropagationFlags},
    pipe::PipeFlags,
    process::{Pid, Signal, WaitOptions},
};

use crate::{
    cgroup, seccomp, state_files,
    sys::{
        child::{self, ForkSide},
        ids,
    },
};

use config::HelperConfig;
use files::{ExitRecord, HelperState};

/// Folder of libcontainer's state, below the helper's mounts.
const CONTAINER_STATE_FOLDER: &str = "state";

/// The helper's `main`. The argument is the instance's folder with the helper configuration; standard input
/// is the waiter program that the helper executes.
pub fn main(arguments: &[OsString]) -> i32 {
    let Some(folder) = arguments.first() else { return 2 };
    let Ok(config) = HelperConfig::read(Path::new(folder)) else { return 2 };
    let requested_at = SystemClock.now();
    // Creating the state file claims the start. If the file exists, the runtime has cancelled the start.
    let claimed = HelperState::new_starting().and_then(|state| {
        state_files::create_file_exclusively(&config.folder.join(files::STATE_FILE), &state)
    });
    if claimed.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::AlreadyExists) {
        return 2;
    }
    let log =
        claimed.and_then(|()| spool::create_log_spool(&config.folder.join(files::LOG_FILE), config.instance));
    let done = match log.and_then(|log| Ok((start_container(&config)?, log))) {
        Ok((running, log)) => waiter::wait_for_exit(&config, &running, &log),
        Err(error) => record_failed_start(&config, requested_at, &error),
    };
    i32::from(done.is_err())
}

/// Records that a container could not be started.
fn record_failed_start(config: &HelperConfig, requested_at: Timestamp, error: &io::Error) -> io::Result<()> {
    let _ = cgroup::open_cgroup(&config.cgroup).kill_processes();
    let end = Termination::NotStarted { reason: error.to_string() };
    let outcome = ContainerOutcome::from_end(end, requested_at);
    let written = state_files::replace_file(&config.folder.join(files::EXIT_FILE), &ExitRecord::new(outcome));
    notify_runtime();
    written
}

/// Notifies the runtime that the state or exit file is written, so that it does not wait for the helper's
/// remaining work.
fn notify_runtime() {
    let _ = io::stdout().write_all(EXIT_NOTICE).and_then(|()| io::stdout().flush());
}

/// Container whose init process runs.
pub struct RunningContainer {
    pid: Pid,
    pidfd: OwnedFd,
    out: OwnedFd,
    err: OwnedFd,
    since: Timestamp,
}

fn start_container(config: &HelperConfig) -> io::Result<RunningContainer> {
    // A session of its own: signals to the runtime's process group do not reach the helper.
    rustix::process::setsid()?;
    // The container's init process is a grandchild; as a subreaper this process becomes its parent and reaps
    // it.
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    child::unshare_namespaces(libc::CLONE_NEWNS)?;
    // The helper's mounts must not appear on the host, but unmounts of the host must reach the helper.
    rustix::mount::mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    rustix::mount::mount("hearth", &config.mounts, "tmpfs", flags, Some(c"mode=0711,size=8m"))?;

    // The child holds the new namespaces until the container's init process has joined them.
    let (pid, pidfd) = match child::fork_process(libc::CLONE_NEWUSER | libc::CLONE_NEWNET)? {
        ForkSide::Child => net::wait_until_killed(),
        ForkSide::Parent(pid, pidfd) => (pid, pidfd),
    };
    let number = pid.as_raw_nonzero().get();
    let built = ids::map_ids(number, 0, config.first_id)
        .and_then(|()| net::connect_container(config, number, &pidfd))
        .and_then(|()| build_container(config, number));
    ids::kill_and_reap(&pidfd, pid)?;
    let (mut container, out, err) = built?;
    let init = container.pid().and_then(|pid| Pid::from_raw(pid.as_raw()));
    let init = init.ok_or_else(|| io::Error::other("the container has no init process"))?;
    let init_fd = rustix::process::pidfd_open(init, rustix::process::PidfdFlags::empty())?;
    let since = SystemClock.now();
    let state = HelperState::new_running(
        init.as_raw_nonzero().get(),
        since,
        config.link.as_ref().map(|link| link.address),
    )?;
    container.start().map_err(io::Error::other)?;
    state_files::replace_file_unsynced(&config.folder.join(files::STATE_FILE), &state)?;
    notify_runtime();
    Ok(RunningContainer { pid: init, pidfd: init_fd, out, err, since })
}

/// Container before its program is started, with its standard output and standard error.
type BuiltContainer = (Container, OwnedFd, OwnedFd);

/// Builds the container up to the moment before its program is started.
///
/// A child does this in the container's control group and exits; this process, a subreaper, becomes the
/// parent of the container's init process.
fn build_container(config: &HelperConfig, holder: i32) -> io::Result<BuiltContainer> {
    root::mount_root(config)?;
    bundle::write_bundle(config, holder)?;
    let (out, out_end) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    let (err, err_end) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    give_to_program(config, [&out_end, &err_end])?;
    // Non-blocking: the container's init process holds the write end until its program starts, so a blocking
    // read would not end.
    let (error_reader, error_writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
    let helper = rustix::process::getpid();
    match child::fork_process(0)? {
        ForkSide::Child => {
            let error = create_container(config, helper, out_end, err_end).err();
            let written =
                error.as_ref().map(|error| File::from(error_writer).write_all(error.to_string().as_bytes()));
            child::exit_immediately(i32::from(written.is_some()))
        }
        ForkSide::Parent(pid, _) => {
            drop((out_end, err_end, error_writer));
            let ended = rustix::process::waitpid(Some(pid), WaitOptions::empty())?;
            if ended.and_then(|(_, status)| status.exit_status()) != Some(0) {
                let mut error = Vec::new();
                let read = File::from(error_reader).read_to_end(&mut error);
                let no_reason = || format!("the process that builds the container gave no reason: {read:?}");
                return Err(io::Error::other(match String::from_utf8_lossy(&error) {
                    reason if reason.is_empty() => no_reason(),
                    reason => reason.into_owned(),
                }));
            }
        }
    }
    let folder = config.mounts.join(CONTAINER_STATE_FOLDER).join(config.instance.to_string());
    Ok((Container::load(folder).map_err(extract_cause)?, out, err))
}

/// Makes the program's user the owner of its standard streams: programs open /dev/stdout and /dev/stderr, and the kernel
/// checks the owner of the pipe.
fn give_to_program(config: &HelperConfig, ends: [&OwnedFd; 2]) -> io::Result<()> {
    let user = &config.workload.process.user;
    let (uid, gid) = (Uid::from_raw(config.first_id + user.uid), Gid::from_raw(config.first_id + user.gid));
    ends.into_iter().try_for_each(|end| Ok(rustix::fs::fchown(end, Some(uid), Some(gid))?))
}

fn create_container(
    config: &HelperConfig,
    helper: Pid,
    out_end: OwnedFd,
    err_end: OwnedFd,
) -> io::Result<()> {
    // If the helper dies, nothing would reap the container, so this child dies with it.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    if rustix::process::getppid() != Some(helper) {
        return Err(io::Error::other("the helper has exited"));
    }
    child::unshare_namespaces(libc::CLONE_NEWNS)?;
    cgroup::open_cgroup(&config.cgroup).create_and_join()?;
    let filters = seccomp::build_container_filters(config.workload.isolation).map_err(io::Error::other)?;
    let program = program::ContainerProgram::new(&config.open_process()?, filters);
    let null = File::open("/dev/null")?;
    ContainerBuilder::new(config.instance.to_string(), SyscallType::Linux)
        .with_executor(program)
        .with_root_path(config.mounts.join(CONTAINER_STATE_FOLDER))
        .map_err(extract_cause)?
        .with_stdin(null)
        .with_stdout(out_end)
        .with_stderr(err_end)
        .as_init(&config.mounts)
        .with_systemd(false)
        .with_detach(true)
        .build()
        .map(drop)
        .map_err(extract_cause)
}

/// Texts that libcontainer puts before and after an error of this crate. The clean-up errors do not matter,
/// since the runtime cleans up.
const LIBCONTAINER_ERROR_AFFIXES: (&str, &str) = ("error in executing process : ", ". error during cleanup");

/// Reduces a libcontainer error to its innermost cause.
fn extract_cause(error: impl std::error::Error) -> io::Error {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let more = inner.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = inner.source();
    }
    let (prefix, suffix) = LIBCONTAINER_ERROR_AFFIXES;
    let reason = text.split(suffix).next().unwrap_or_default();
    io::Error::other(reason.rsplit(prefix).next().unwrap_or_default().to_owned())
}
