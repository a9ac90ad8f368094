//! Starting a program in a running container: enters its control group and namespaces, then takes its user,
//! capabilities and seccomp filters.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::{AsFd, OwnedFd},
};

use rustix::{
    fs::{Mode, OFlags, ResolveFlags},
    process::{Pid, WaitOptions},
    pty::OpenptFlags,
    termios::Winsize,
};

use crate::{
    capabilities, cgroup,
    helper::program::ContainerProgram,
    seccomp,
    sys::{
        child::{self, ForkSide},
        ids, open_files,
    },
};

use super::ExecProcessRequest;

const NAMESPACE_FLAGS: i32 = libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP;

/// Descriptors that become the program's standard input, output and error.
pub struct ProgramStreams {
    pub input: OwnedFd,
    pub output: OwnedFd,
    pub error_output: OwnedFd,
    /// All three are the same terminal.
    pub terminal: bool,
}

/// Starts the program as a child of this process, which must have no threads.
pub fn start_program(request: &ExecProcessRequest, streams: ProgramStreams) -> io::Result<Pid> {
    let init = request.init.open_pidfd().ok_or_else(|| io::Error::other("the container has ended"))?;
    let filters = seccomp::build_container_filters(request.isolation).map_err(io::Error::other)?;
    let program = ContainerProgram::new(&request.process, filters);
    let group = cgroup::open_cgroup(&request.cgroup);
    let (from, to) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    match child::fork_process(0)? {
        ForkSide::Child => {
            let entered =
                enter_container(&init, group.as_ref()).and_then(|()| child::fork_process(libc::CLONE_PARENT));
            let number = match entered {
                Ok(ForkSide::Child) => become_program(request, &program, &streams),
                Ok(ForkSide::Parent(pid, _)) => pid.as_raw_nonzero().get(),
                Err(error) => -error.raw_os_error().unwrap_or(1),
            };
            let written = File::from(to).write_all(&number.to_le_bytes());
            child::exit_immediately(i32::from(written.is_err()))
        }
        ForkSide::Parent(pid, _) => {
            drop((to, streams));
            let mut number = [0; 4];
            let read = File::from(from).read_exact(&mut number);
            rustix::process::waitpid(Some(pid), WaitOptions::empty())?;
            read?;
            match i32::from_le_bytes(number) {
                error if error < 0 => Err(io::Error::from_raw_os_error(-error)),
                number => {
                    Pid::from_raw(number).ok_or_else(|| io::Error::other("the child has no process id"))
                }
            }
        }
    }
}

fn enter_container(init: &OwnedFd, group: &dyn cgroup::Cgroup) -> io::Result<()> {
    group.join_cgroup()?;
    child::join_namespaces(init, NAMESPACE_FLAGS)
}

fn become_program(request: &ExecProcessRequest, program: &ContainerProgram, streams: &ProgramStreams) -> ! {
    let user = &request.process.user;
    let ready = || -> io::Result<()> {
        rustix::process::setsid()?;
        child::duplicate_to(&streams.input, 0)?;
        child::duplicate_to(&streams.output, 1)?;
        child::duplicate_to(&streams.error_output, 2)?;
        if streams.terminal {
            child::set_controlling_terminal(&streams.input)?;
        }
        child::set_cloexec_from(3)?;
        open_files::limit_open_files()?;
        ids::set_capabilities(capabilities::build_capability_bits(request.isolation), 0)?;
        ids::become_user(user.uid, user.gid, &user.groups)?;
        if user.uid == 0 {
            ids::set_capabilities(capabilities::build_capability_bits(request.isolation), 0)?;
        }
        // The program is killed when the exec process ends. A change of ids clears this setting, so it comes
        // after.
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        rustix::process::umask(Mode::from_bits_truncate(0o022));
        Ok(rustix::process::chdir(request.process.cwd.as_str())?)
    };
    let error = match ready() {
        Ok(()) => program.exec_program(),
        Err(error) => error.into(),
    };
    program.report_and_exit(&error)
}

/// Opens a new pseudoterminal in the container's devpts. Returns the master and the program's end.
///
/// The container controls the file at `/dev/pts/ptmx`, so the path lookup stays within the container's root
/// and follows no links, and the file must be the ptmx device (Linux `Documentation/admin-guide/devices.txt`,
/// 5:2).
pub fn open_terminal(request: &ExecProcessRequest, size: Winsize) -> io::Result<(OwnedFd, OwnedFd)> {
    let _alive = request.init.open_pidfd().ok_or_else(|| io::Error::other("the container has ended"))?;
    let root = format!("/proc/{}/root", request.init.pid);
    let root = rustix::fs::open(root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let ptmx =
        rustix::fs::openat2(&root, "dev/pts/ptmx", OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve)?;
    let stat = rustix::fs::fstat(&ptmx)?;
    if stat.st_rdev != rustix::fs::makedev(5, 2) {
        return Err(io::Error::other("the container has no terminals"));
    }
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let master = rustix::fs::open(
        format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&ptmx)),
        flags,
        Mode::empty(),
    )?;
    rustix::pty::unlockpt(&master)?;
    let peer = rustix::pty::ioctl_tiocgptpeer(
        &master,
        OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC,
    )?;
    rustix::termios::tcsetwinsize(master.as_fd(), size)?;
    Ok((master, peer))
}
