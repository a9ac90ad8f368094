//! Giving up root's powers.

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

/// A user of this host without any powers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User {
    /// Its number.
    pub uid: u32,
    /// The number of its group.
    pub gid: u32,
}

impl User {
    /// The user that this host knows by a name or number. Root is refused, and a number needs no name.
    pub fn find(text: &str) -> Result<Self> {
        let found = match text.parse() {
            Ok(uid) => {
                Some(uzers::get_user_by_uid(uid).map_or(Self { uid, gid: uid }, |user| Self::of(&user)))
            }
            Err(_) => uzers::get_user_by_name(text).map(|user| Self::of(&user)),
        };
        match found {
            Some(Self { uid: 0, .. }) => Err(Error::invalid("user-is-root", "services never run as root")
                .help("name another user as runtime.user in the configuration")),
            Some(user) => Ok(user),
            None => Err(Error::invalid("no-such-user", format!("this host has no user {text:?}"))
                .help(format!("useradd --system --no-create-home --shell /usr/sbin/nologin {text}"))),
        }
    }

    fn of(user: &uzers::User) -> Self {
        Self { uid: user.uid(), gid: user.primary_group_id() }
    }
}

/// Makes this process one of `user`'s, without a capability and without a way back, that ends with its parent. It
/// must have no second thread yet.
pub fn become_user(user: User) -> Result<()> {
    let parent = getppid();
    drop_powers(user).map_err(|cause| {
        Error::unavailable("powers", format!("this process cannot become user {}: {cause}", user.uid))
            .help("start it as root, or leave --user away to run as who you are")
            .because(cause)
    })?;
    // Who died before the signal was asked for sends none.
    if getppid() == parent {
        Ok(())
    } else {
        Err(Error::unavailable("parent-gone", "whoever started this has ended"))
    }
}

fn drop_powers(user: User) -> io::Result<()> {
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
    // Cleared by a change of user, so asked for last.
    set_parent_process_death_signal(Some(Signal::TERM))?;
    match capabilities(None)?.permitted.is_empty() {
        true => Ok(()),
        false => Err(io::Error::other("some powers stay")),
    }
}
