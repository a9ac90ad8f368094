//! Children of a process without threads, and the signals that processes get.
#![expect(unsafe_code, reason = "clone3, setns and prctl have no safe form in the kept crates")]

use std::{
    ffi::CString,
    io,
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
};

use rustix::process::Pid;

/// Which side of a fork this is.
pub enum Side {
    /// The new process.
    Child,
    /// The old one; the new one's number and a descriptor for it.
    Parent(Pid, OwnedFd),
}

/// Forks a process that has no threads, with `flags` of clone3 such as `CLONE_NEWUSER`.
pub fn fork(flags: i32) -> io::Result<Side> {
    let mut pidfd: i32 = -1;
    let mut args = [0u64; 8];
    args[0] = u64::try_from(flags | libc::CLONE_PIDFD).unwrap_or(0);
    args[1] = std::ptr::from_mut(&mut pidfd) as u64;
    args[4] = if flags & libc::CLONE_PARENT == 0 { libc::SIGCHLD as u64 } else { 0 };
    // SAFETY: without CLONE_VM the child gets a copy of this process, which has no other threads whose locks
    // could be held; the argument block is the kernel's `struct clone_args` of 64 bytes.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, args.as_ptr(), size_of_val(&args)) };
    match i32::try_from(pid) {
        Ok(0) => Ok(Side::Child),
        Ok(pid) if pid > 0 => {
            // SAFETY: the kernel has just made this descriptor for us.
            let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
            let pid = Pid::from_raw(pid).ok_or_else(|| io::Error::other("a child without a number"))?;
            Ok(Side::Parent(pid, pidfd))
        }
        _ => Err(io::Error::last_os_error()),
    }
}

/// Ends this process without running anything that the parent's copy left behind.
pub fn exit(code: i32) -> ! {
    // SAFETY: it does not return.
    unsafe { libc::_exit(code) }
}

/// Joins the namespaces of `kinds` that a process lives in.
pub fn join_namespaces(process: impl AsFd, kinds: i32) -> io::Result<()> {
    // SAFETY: a plain system call on an open descriptor; the caller has no threads.
    let done = unsafe { libc::setns(process.as_fd().as_raw_fd(), kinds) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Leaves the namespaces of `kinds` for new ones.
pub fn leave_namespaces(kinds: i32) -> io::Result<()> {
    // SAFETY: a plain system call; the caller has no threads and shares no descriptors.
    let done = unsafe { libc::unshare(kinds) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Makes `fd` descriptor `number` for the program that is started next.
pub fn becomes(fd: impl AsFd, number: i32) -> io::Result<()> {
    // SAFETY: both are numbers of descriptors; the caller gives up what was at `number`.
    let done = unsafe { libc::dup2(fd.as_fd().as_raw_fd(), number) };
    if done >= 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Marks every descriptor from `first` on to be closed when a program is started.
pub fn close_from(first: u32) -> io::Result<()> {
    // SAFETY: marking descriptors changes nothing for code that runs before the program is started.
    let done = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Makes a descriptor a session's terminal.
pub fn take_terminal(terminal: impl AsFd) -> io::Result<()> {
    // SAFETY: a plain request on an open descriptor.
    let done = unsafe { libc::ioctl(terminal.as_fd().as_raw_fd(), libc::TIOCSCTTY, 0) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// A list of texts as the kernel wants it.
fn pointers(texts: &[CString]) -> Vec<*const libc::c_char> {
    texts.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect()
}

/// Becomes another program. Returns only when it can't be started.
pub fn execute(program: &CString, argv: &[CString], env: &[CString]) -> io::Error {
    let (argv, env) = (pointers(argv), pointers(env));
    // SAFETY: both lists end with a null pointer and point to texts that outlive the call.
    unsafe { libc::execve(program.as_ptr(), argv.as_ptr(), env.as_ptr()) };
    io::Error::last_os_error()
}

/// Becomes the program in an open file, with an empty environment. Returns only when it can't be started.
pub fn execute_file(program: impl AsFd, argv: &[CString]) -> io::Error {
    let (argv, env) = (pointers(argv), pointers(&[]));
    // SAFETY: both lists end with a null pointer and point to texts that outlive the call; the path is an empty,
    // terminated text, which means the file itself.
    unsafe {
        libc::syscall(
            libc::SYS_execveat,
            program.as_fd().as_raw_fd(),
            c"".as_ptr(),
            argv.as_ptr(),
            env.as_ptr(),
            libc::AT_EMPTY_PATH,
        )
    };
    io::Error::last_os_error()
}
