//! fork, exec, namespaces and descriptors, for processes without threads.
#![expect(unsafe_code, reason = "clone3, setns and prctl have no safe form in the allowed crates")]

use std::{
    ffi::CString,
    io,
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
};

use rustix::process::Pid;

/// Side of a fork.
pub enum ForkSide {
    /// The new process.
    Child,
    /// The old process, with the child's process id and pidfd.
    Parent(Pid, OwnedFd),
}

/// Forks this process, which must have no threads, with `flags` of clone3 such as `CLONE_NEWUSER`.
pub fn fork_process(flags: i32) -> io::Result<ForkSide> {
    let mut pidfd: i32 = -1;
    let mut args = [0u64; 8];
    args[0] = u64::try_from(flags | libc::CLONE_PIDFD).unwrap_or(0);
    args[1] = std::ptr::from_mut(&mut pidfd) as u64;
    args[4] = if flags & libc::CLONE_PARENT == 0 { libc::SIGCHLD as u64 } else { 0 };
    // SAFETY: without CLONE_VM the child gets a copy of this process, which has no other threads whose locks
    // could be held; the argument block is the kernel's `struct clone_args` of 64 bytes.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, args.as_ptr(), size_of_val(&args)) };
    match i32::try_from(pid) {
        Ok(0) => Ok(ForkSide::Child),
        Ok(pid) if pid > 0 => {
            // SAFETY: the kernel has just made this descriptor for this process.
            let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
            let pid = Pid::from_raw(pid).ok_or_else(|| io::Error::other("the child has no process id"))?;
            Ok(ForkSide::Parent(pid, pidfd))
        }
        _ => Err(io::Error::last_os_error()),
    }
}

/// Exits this process at once, without the exit handlers copied from the parent.
pub fn exit_immediately(code: i32) -> ! {
    // SAFETY: it does not return.
    unsafe { libc::_exit(code) }
}

/// Joins a process's namespaces of the given kinds (`CLONE_NEW…` flags).
pub fn join_namespaces(process: impl AsFd, kinds: i32) -> io::Result<()> {
    // SAFETY: a plain system call on an open descriptor; the caller has no threads.
    let done = unsafe { libc::setns(process.as_fd().as_raw_fd(), kinds) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Moves this process to new namespaces of the given kinds (`CLONE_NEW…` flags).
pub fn unshare_namespaces(kinds: i32) -> io::Result<()> {
    // SAFETY: a plain system call; the caller has no threads and shares no descriptors.
    let done = unsafe { libc::unshare(kinds) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Duplicates `fd` to the descriptor `number`, which stays open across exec.
pub fn duplicate_to(fd: impl AsFd, number: i32) -> io::Result<()> {
    // SAFETY: both are descriptors; the caller no longer uses the earlier descriptor `number`.
    let done = unsafe { libc::dup2(fd.as_fd().as_raw_fd(), number) };
    if done >= 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Sets close-on-exec on all descriptors from `first` on.
pub fn set_cloexec_from(first: u32) -> io::Result<()> {
    // SAFETY: marking descriptors changes nothing for code that runs before the program is started.
    let done = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Makes a descriptor the controlling terminal of this session.
pub fn set_controlling_terminal(terminal: impl AsFd) -> io::Result<()> {
    // SAFETY: a plain request on an open descriptor.
    let done = unsafe { libc::ioctl(terminal.as_fd().as_raw_fd(), libc::TIOCSCTTY, 0) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Builds a null-terminated list of pointers for execve.
fn build_pointer_list(texts: &[CString]) -> Vec<*const libc::c_char> {
    texts.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect()
}

/// Executes another program in this process. Returns only on failure.
pub fn exec_program(program: &CString, argv: &[CString], env: &[CString]) -> io::Error {
    let (argv, env) = (build_pointer_list(argv), build_pointer_list(env));
    // SAFETY: both lists end with a null pointer and point to texts that outlive the call.
    unsafe { libc::execve(program.as_ptr(), argv.as_ptr(), env.as_ptr()) };
    io::Error::last_os_error()
}

/// Executes the program in an open file, with an empty environment. Returns only on failure.
pub fn exec_file(program: impl AsFd, argv: &[CString]) -> io::Error {
    let (argv, env) = (build_pointer_list(argv), build_pointer_list(&[]));
    // SAFETY: both lists end with a null pointer and point to texts that outlive the call; the path is an
    // empty, terminated text, which means the file itself.
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
