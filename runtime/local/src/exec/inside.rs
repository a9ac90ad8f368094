//! The way into a container: its control group, its namespaces, its user, its capabilities, its system calls.

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
    caps, cgroup,
    helper::program::Program,
    seccomp,
    sys::{
        child::{self, Side},
        files, ids,
    },
};

use super::Errand;

const NAMESPACES: i32 = libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP;

/// What the program's descriptors 0, 1 and 2 become.
pub struct Streams {
    pub input: OwnedFd,
    pub out: OwnedFd,
    pub err: OwnedFd,
    /// They are one terminal.
    pub terminal: bool,
}

/// Starts the program, as a child of this process, which has no threads.
pub fn start(errand: &Errand, streams: Streams) -> io::Result<Pid> {
    let init = errand.init.open().ok_or_else(|| io::Error::other("the container has ended"))?;
    let filters = seccomp::container(errand.isolation).map_err(io::Error::other)?;
    let program = Program::new(&errand.process, filters);
    let group = cgroup::group(&errand.cgroup);
    let (from, to) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    match child::fork(0)? {
        Side::Child => {
            let went = go_in(&init, group.as_ref()).and_then(|()| child::fork(libc::CLONE_PARENT));
            let number = match went {
                Ok(Side::Child) => become_program(errand, &program, &streams),
                Ok(Side::Parent(pid, _)) => pid.as_raw_nonzero().get(),
                Err(error) => -error.raw_os_error().unwrap_or(1),
            };
            let told = File::from(to).write_all(&number.to_le_bytes());
            child::exit(i32::from(told.is_err()))
        }
        Side::Parent(pid, _) => {
            drop((to, streams));
            let mut number = [0; 4];
            let read = File::from(from).read_exact(&mut number);
            rustix::process::waitpid(Some(pid), WaitOptions::empty())?;
            read?;
            match i32::from_le_bytes(number) {
                error if error < 0 => Err(io::Error::from_raw_os_error(-error)),
                number => Pid::from_raw(number).ok_or_else(|| io::Error::other("a child without a number")),
            }
        }
    }
}

fn go_in(init: &OwnedFd, group: &dyn cgroup::Group) -> io::Result<()> {
    group.join()?;
    child::join_namespaces(init, NAMESPACES)
}

fn become_program(errand: &Errand, program: &Program, streams: &Streams) -> ! {
    let user = &errand.process.user;
    let ready = || -> io::Result<()> {
        rustix::process::setsid()?;
        child::becomes(&streams.input, 0)?;
        child::becomes(&streams.out, 1)?;
        child::becomes(&streams.err, 2)?;
        if streams.terminal {
            child::take_terminal(&streams.input)?;
        }
        child::close_from(3)?;
        files::limit()?;
        ids::capabilities(caps::bits(errand.isolation), 0)?;
        ids::become_user(user.uid, user.gid, &user.groups)?;
        if user.uid == 0 {
            ids::capabilities(caps::bits(errand.isolation), 0)?;
        }
        // The program ends with its session; a change of ids would have cleared this.
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        rustix::process::umask(Mode::from_bits_truncate(0o022));
        Ok(rustix::process::chdir(errand.process.cwd.as_str())?)
    };
    let error = match ready() {
        Ok(()) => program.execute(),
        Err(error) => error,
    };
    let name = errand.process.argv.first().map_or("", String::as_str);
    let _ = writeln!(io::stderr(), "{name} can't be started: {error}");
    child::exit(127)
}

/// A new terminal of the container's own: the master's end and the program's.
///
/// The container may have put anything at this path, so the walk stays within its root, follows no links, and
/// what is found must be what makes terminals (Linux `Documentation/admin-guide/devices.txt`, 5:2).
pub fn terminal(errand: &Errand, size: Winsize) -> io::Result<(OwnedFd, OwnedFd)> {
    let _alive = errand.init.open().ok_or_else(|| io::Error::other("the container has ended"))?;
    let root = format!("/proc/{}/root", errand.init.pid);
    let root = rustix::fs::open(root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let looked =
        rustix::fs::openat2(&root, "dev/pts/ptmx", OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve)?;
    let stat = rustix::fs::fstat(&looked)?;
    if stat.st_rdev != rustix::fs::makedev(5, 2) {
        return Err(io::Error::other("the container has no terminals"));
    }
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let master = rustix::fs::open(
        format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&looked)),
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
