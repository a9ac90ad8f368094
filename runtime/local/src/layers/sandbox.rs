//! The unpacker locks itself in: its target is its whole root, and it can do nothing but write files there.

use std::{io, path::Path};

use rustix::{
    mount::{MountPropagationFlags, UnmountFlags},
    process::{Resource, Rlimit},
};

use crate::{
    caps, seccomp,
    sys::{
        child,
        ids::{self, STORE},
    },
};

/// From here on the process sees only `target`, as `/`, and owns the ids from STORE on, as 0 and up.
pub fn enter(target: &Path) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    let filters = seccomp::unpacker().map_err(io::Error::other)?;
    let namespace = ids::user_namespace(0, STORE)?;
    child::leave_namespaces(
        libc::CLONE_NEWNS | libc::CLONE_NEWNET | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS,
    )?;
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    rustix::mount::mount_change("/", private)?;
    rustix::mount::mount_bind(target, target)?;
    rustix::process::chdir(target)?;
    rustix::process::pivot_root(".", ".")?;
    rustix::mount::unmount(".", UnmountFlags::DETACH)?;
    rustix::process::chdir("/")?;
    // Joined, not made here: the mount namespace stays the host's, so that nothing can be mounted in it.
    child::join_namespaces(&namespace, libc::CLONE_NEWUSER)?;
    drop(namespace);
    child::close_from(3)?;
    ids::become_user(0, 0, &[])?;
    ids::capabilities(caps::UNPACK, 0)?;
    for (resource, most) in [(Resource::As, 1 << 30), (Resource::Nofile, 64), (Resource::Core, 0)] {
        let most = rustix::process::getrlimit(resource).maximum.map_or(most, |hard| hard.min(most));
        rustix::process::setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    rustix::process::umask(rustix::fs::Mode::empty());
    seccomp::load(&filters).map_err(io::Error::other)
}
