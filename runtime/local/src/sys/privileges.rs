//! The end of root's powers, in a process that reads what others send.

use std::{ffi::OsString, io};

use rustix::process::Signal;

use super::ids;

/// `CAP_SETGID` and `CAP_SETUID` (linux/capability.h): needed once more, to take another user.
const SET_IDS: u64 = 1 << 6 | 1 << 7;

/// Makes this process, which has no threads yet, another user for good: it has no capability and no further group, and no
/// program can give it any. It ends with its parent, whose number is `parent`; when that has ended already, this fails.
pub fn drop_privileges(user: u32, parent: Option<&OsString>) -> io::Result<()> {
    ids::clear_bounding_set()?;
    ids::capabilities(SET_IDS, 0)?;
    ids::become_user(user, user, &[])?;
    ids::capabilities(0, 0)?;
    rustix::thread::set_no_new_privs(true)?;
    // A change of ids clears this, so it comes after it.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    let number = rustix::process::getppid().map(|parent| parent.as_raw_nonzero().to_string());
    if number.as_deref() != parent.and_then(|parent| parent.to_str()) {
        return Err(io::Error::other("the runtime's process has ended meanwhile"));
    }
    Ok(())
}
