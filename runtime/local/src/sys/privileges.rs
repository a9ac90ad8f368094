//! Dropping of root privileges, in processes that parse untrusted input.

use std::{ffi::OsString, io};

use rustix::process::Signal;

use super::ids;

/// `CAP_SETGID` and `CAP_SETUID` (linux/capability.h), needed to change the user.
const SET_IDS: u64 = 1 << 6 | 1 << 7;

/// Changes this process, which must have no threads, to another user without capabilities and supplementary
/// groups, and prevents it from gaining any. The process is killed when its parent, with the process id
/// `parent`, exits. Fails when the parent has already exited.
pub fn drop_privileges(user: u32, parent: Option<&OsString>) -> io::Result<()> {
    ids::clear_bounding_set()?;
    ids::set_capabilities(SET_IDS, 0)?;
    ids::become_user(user, user, &[])?;
    ids::set_capabilities(0, 0)?;
    rustix::thread::set_no_new_privs(true)?;
    // A change of ids clears this setting, so it comes after.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    let number = rustix::process::getppid().map(|parent| parent.as_raw_nonzero().to_string());
    if number.as_deref() != parent.and_then(|parent| parent.to_str()) {
        return Err(io::Error::other("the runtime process has exited meanwhile"));
    }
    Ok(())
}
