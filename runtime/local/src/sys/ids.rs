//! Ids and capabilities of this process, and user namespaces made to map ids.
#![expect(unsafe_code, reason = "setfsuid, capset and bounding sets have no safe form in the kept crates")]

use std::{
    fs::{self, File},
    io,
    os::fd::OwnedFd,
};

use rustix::process::{Signal, WaitOptions};

use super::child::{self, Side};

/// Ids on the disk begin here: id 0 of every container lies at this number.
pub const STORE: u32 = 2_147_352_576;
/// How many ids a container has.
pub const RANGE: u32 = 65_536;

/// A user namespace in which ids `inside …` are the host's ids `outside …`.
///
/// Only for processes without threads: it is born in a child that does nothing.
pub fn user_namespace(inside: u32, outside: u32) -> io::Result<File> {
    let (pid, pidfd) = match child::fork(libc::CLONE_NEWUSER)? {
        Side::Child => loop {
            // SAFETY: waits for a signal; the parent kills this process.
            unsafe { libc::pause() };
        },
        Side::Parent(pid, pidfd) => (pid, pidfd),
    };
    let opened = map_ids(pid.as_raw_nonzero().get(), inside, outside)
        .and_then(|()| File::open(format!("/proc/{}/ns/user", pid.as_raw_nonzero())));
    end(&pidfd, pid)?;
    opened
}

/// Writes the id maps of a process that has just got a user namespace.
pub fn map_ids(pid: i32, inside: u32, outside: u32) -> io::Result<()> {
    let map = format!("{inside} {outside} {RANGE}");
    fs::write(format!("/proc/{pid}/uid_map"), &map)?;
    fs::write(format!("/proc/{pid}/gid_map"), &map)
}

/// Kills a child and waits for its end.
pub fn end(pidfd: &OwnedFd, pid: rustix::process::Pid) -> io::Result<()> {
    rustix::process::pidfd_send_signal(pidfd, Signal::KILL)?;
    rustix::process::waitpid(Some(pid), WaitOptions::empty())?;
    Ok(())
}

/// Runs `work` while files are made and opened as `id` of the host, with root's powers kept.
pub fn with_file_id<T>(id: u32, work: impl FnOnce() -> T) -> io::Result<T> {
    set_file_id(id)?;
    // Changing the id away from root took the powers over files out of the effective set.
    let result = capabilities(ALL, ALL).map(|()| work());
    set_file_id(0)?;
    capabilities(ALL, ALL)?;
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
    if set == (wanted, wanted) { Ok(()) } else { Err(io::Error::other("the kernel keeps the file id")) }
}

/// The last capability that there is (linux/capability.h, `CAP_LAST_CAP`).
const LAST: u32 = 40;
/// Every capability that this process is permitted.
pub const ALL: u64 = u64::MAX;

/// Sets the effective and permitted capabilities to what of `wanted` is permitted, the inheritable ones to
/// `inheritable`, and drops from the bounding set what is in neither. [`ALL`] leaves the bounding set alone.
pub fn capabilities(wanted: u64, inheritable: u64) -> io::Result<()> {
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
    if wanted != ALL {
        for capability in (0..=LAST).filter(|capability| (wanted | inheritable) >> capability & 1 == 0) {
            // SAFETY: a plain system call. Numbers that an older kernel does not know are refused with EINVAL.
            unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
        }
    }
    let (kept, inherited) = (wanted & permitted, if wanted == ALL { 0 } else { inheritable & permitted });
    let low = |set: u64| u32::try_from(set & u64::from(u32::MAX)).unwrap_or(0);
    data = [[low(kept), low(kept), low(inherited)], [low(kept >> 32), low(kept >> 32), low(inherited >> 32)]];
    // SAFETY: as above, read only.
    let done = unsafe { libc::syscall(libc::SYS_capset, &mut header, data.as_ptr()) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Drops every capability from the bounding set, so that no program gives this process one. Needs `CAP_SETPCAP`.
pub fn clear_bounding_set() -> io::Result<()> {
    for capability in 0..=LAST {
        // SAFETY: a plain system call.
        let done = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
        let error = io::Error::last_os_error();
        // An older kernel does not know the last ones.
        if done != 0 && error.raw_os_error() != Some(libc::EINVAL) {
            return Err(error);
        }
    }
    Ok(())
}

/// Takes another user, group and further groups, in all their forms.
pub fn become_user(uid: u32, gid: u32, groups: &[u32]) -> io::Result<()> {
    // SAFETY: plain system calls of a process without threads; `groups` outlives the call.
    let done = unsafe {
        libc::setgroups(groups.len(), groups.as_ptr()) == 0
            && libc::setresgid(gid, gid, gid) == 0
            && libc::setresuid(uid, uid, uid) == 0
    };
    if done { Ok(()) } else { Err(io::Error::last_os_error()) }
}
