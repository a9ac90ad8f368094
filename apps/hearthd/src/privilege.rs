//! Dropping root privileges.

use std::io;

use hearth_base::{Error, Result};
use rustix::{
    fs::{Gid, Uid},
    process::{Signal, getppid, set_parent_process_death_signal},
    thread::{
        CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
        remove_capability_from_bounding_set, set_capabilities, set_no_new_privs, set_thread_groups,
        set_thread_res_gid, set_thread_res_uid,
    },
};

/// An unprivileged user of this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostUser {
    /// User id.
    pub uid: u32,
    /// Id of its primary group.
    pub gid: u32,
}

impl HostUser {
    /// Finds a user by name or number. A number need not have a name. Errors: `user-is-root`, `no-such-user`.
    pub fn find_user(text: &str) -> Result<Self> {
        let found = match text.parse() {
            Ok(uid) => Some(
                uzers::get_user_by_uid(uid).map_or(Self { uid, gid: uid }, |user| Self::from_entry(&user)),
            ),
            Err(_) => uzers::get_user_by_name(text).map(|user| Self::from_entry(&user)),
        };
        match found {
            Some(Self { uid: 0, .. }) => {
                Err(Error::invalid("user-is-root", "the user is root; allowed: an unprivileged user")
                    .help("set runtime.user in the configuration to another user"))
            }
            Some(user) => Ok(user),
            None => {
                Err(Error::invalid("no-such-user", format!("the user {text:?} does not exist on this host"))
                    .help(format!("useradd --system --no-create-home --shell /usr/sbin/nologin {text}")))
            }
        }
    }

    fn from_entry(user: &uzers::User) -> Self {
        Self { uid: user.uid(), gid: user.primary_group_id() }
    }
}

/// Switches this process irrevocably to `user`, without capabilities, and lets it end with its parent
/// process. Must be called before any thread is started.
pub fn become_user(user: HostUser) -> Result<()> {
    let parent = getppid();
    drop_privileges(user).map_err(|cause| {
        Error::unavailable("privileges", format!("switching to user {} failed: {cause}", user.uid))
            .help("run the command as root, or omit --user to run as the current user")
            .with_cause(cause)
    })?;
    // A parent that died before the death signal was set sends none.
    if getppid() == parent {
        Ok(())
    } else {
        Err(Error::unavailable("parent-ended", "the parent process has ended"))
    }
}

fn drop_privileges(user: HostUser) -> io::Result<()> {
    for capability in CapabilitySet::all().iter() {
        match remove_capability_from_bounding_set(capability) {
            // The kernel is older than this capability.
            Err(rustix::io::Errno::INVAL) | Ok(()) => {}
            Err(error) => return Err(error.into()),
        }
    }
    clear_ambient_capability_set()?;
    set_thread_groups(&[])?;
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    set_thread_res_gid(gid, gid, gid)?;
    set_thread_res_uid(uid, uid, uid)?;
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?;
    set_no_new_privs(true)?;
    // A change of user clears the death signal, so it is set last.
    set_parent_process_death_signal(Some(Signal::TERM))?;
    match capabilities(None)?.permitted.is_empty() {
        true => Ok(()),
        false => Err(io::Error::other("the process still has capabilities")),
    }
}
