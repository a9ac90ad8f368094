//! User ids and capabilities of this process, and user namespaces for id mappings.
#![expect(unsafe_code, reason = "setfsuid, capset and bounding sets have no safe form in the allowed crates")]

use std::{
    fs::{self, File},
    io,
    os::fd::OwnedFd,
};

use rustix::process::{Signal, WaitOptions};

use super::child::{self, ForkSide};

/// First id of files on the disk: id 0 of each container is stored as this id.
pub const STORED_ID_BASE: u32 = 2_147_352_576;
/// Number of ids of a container.
pub const IDS_PER_CONTAINER: u32 = 65_536;

/// Makes a user namespace that maps the ids from `inside` on to the host ids from `outside` on.
///
/// The caller must have no threads: a forked child that only waits holds the new namespace until it is
/// opened.
pub fn make_user_namespace(inside: u32, outside: u32) -> io::Result<File> {
    let (pid, pidfd) = match child::fork_process(libc::CLONE_NEWUSER)? {
        ForkSide::Child => loop {
            // SAFETY: waits for a signal; the parent kills this process.
            unsafe { libc::pause() };
        },
        ForkSide::Parent(pid, pidfd) => (pid, pidfd),
    };
    let opened = map_ids(pid.as_raw_nonzero().get(), inside, outside)
        .and_then(|()| File::open(format!("/proc/{}/ns/user", pid.as_raw_nonzero())));
    kill_and_reap(&pidfd, pid)?;
    opened
}

/// Writes the id maps of a process in a new user namespace.
pub fn map_ids(pid: i32, inside: u32, outside: u32) -> io::Result<()> {
    let map = format!("{inside} {outside} {IDS_PER_CONTAINER}");
    fs::write(format!("/proc/{pid}/uid_map"), &map)?;
    fs::write(format!("/proc/{pid}/gid_map"), &map)
}

/// Kills and reaps a child.
pub fn kill_and_reap(pidfd: &OwnedFd, pid: rustix::process::Pid) -> io::Result<()> {
    rustix::process::pidfd_send_signal(pidfd, Signal::KILL)?;
    rustix::process::waitpid(Some(pid), WaitOptions::empty())?;
    Ok(())
}

/// Runs `work` with the file system user and group id `id`, and with all capabilities.
pub fn run_with_file_id<T>(id: u32, work: impl FnOnce() -> T) -> io::Result<T> {
    set_file_id(id)?;
    // setfsuid to a non-root id removes the file capabilities from the effective set, so they are raised
    // again.
    let result = set_capabilities(ALL_CAPABILITIES, ALL_CAPABILITIES).map(|()| work());
    set_file_id(0)?;
    set_capabilities(ALL_CAPABILITIES, ALL_CAPABILITIES)?;
    result
}

fn set_file_id(id: u32) -> io::Result<()> {
    // SAFETY: these calls touch only this thread's ids; they don't fail, so the second call of each checks.
    let set = unsafe {
        libc::setfsuid(id);
        libc::setfsgid(id);
        (libc::setfsuid(u32::MAX), libc::setfsgid(u32::MAX))
    };
    let wanted = i32::from_ne_bytes(id.to_ne_bytes());
    if set == (wanted, wanted) {
        Ok(())
    } else {
        Err(io::Error::other("the kernel refused the file system id"))
    }
}

/// Highest capability number (linux/capability.h, `CAP_LAST_CAP`).
const LAST_CAPABILITY: u32 = 40;
/// All permitted capabilities.
pub const ALL_CAPABILITIES: u64 = u64::MAX;

/// Sets the effective and permitted capabilities to the permitted ones of `wanted`, the inheritable ones to
/// `inheritable`, and drops all others from the bounding set. With [`ALL_CAPABILITIES`] the bounding set
/// stays unchanged.
pub fn set_capabilities(wanted: u64, inheritable: u64) -> io::Result<()> {
    #[repr(C)]
    struct Header {
        version: u32,
        pid: i32,
    }
    // linux/capability.h: version 3 takes two sets of three words.
    let mut header = Header { version: 0x2008_0522, pid: 0 };
    let mut data = [[0u32; 3]; 2];
    // SAFETY: the kernel fills six words, which is what `data` has.
    let done = unsafe { libc::syscall(libc::SYS_capget, &mut header, data.as_mut_ptr()) };
    if done != 0 {
        return Err(io::Error::last_os_error());
    }
    let permitted = u64::from(data[0][1]) | u64::from(data[1][1]) << 32;
    if wanted != ALL_CAPABILITIES {
        for capability in
            (0..=LAST_CAPABILITY).filter(|capability| (wanted | inheritable) >> capability & 1 == 0)
        {
            // SAFETY: a plain system call. An older kernel returns EINVAL for unknown numbers.
            unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
        }
    }
    let (kept, inherited) =
        (wanted & permitted, if wanted == ALL_CAPABILITIES { 0 } else { inheritable & permitted });
    let low = |set: u64| u32::try_from(set & u64::from(u32::MAX)).unwrap_or(0);
    data = [[low(kept), low(kept), low(inherited)], [low(kept >> 32), low(kept >> 32), low(inherited >> 32)]];
    // SAFETY: as above, read only.
    let done = unsafe { libc::syscall(libc::SYS_capset, &mut header, data.as_ptr()) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Drops all capabilities from the bounding set, so that no executed program can gain one. Needs
/// `CAP_SETPCAP`.
pub fn clear_bounding_set() -> io::Result<()> {
    for capability in 0..=LAST_CAPABILITY {
        // SAFETY: a plain system call.
        let done = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
        let error = io::Error::last_os_error();
        // An older kernel returns EINVAL for the highest numbers.
        if done != 0 && error.raw_os_error() != Some(libc::EINVAL) {
            return Err(error);
        }
    }
    Ok(())
}

/// Sets the real, effective and saved user and group ids, and the supplementary groups.
pub fn become_user(uid: u32, gid: u32, groups: &[u32]) -> io::Result<()> {
    // SAFETY: plain system calls of a process without threads; `groups` outlives the call.
    let done = unsafe {
        libc::setgroups(groups.len(), groups.as_ptr()) == 0
            && libc::setresgid(gid, gid, gid) == 0
            && libc::setresuid(uid, uid, uid) == 0
    };
    if done { Ok(()) } else { Err(io::Error::last_os_error()) }
}
