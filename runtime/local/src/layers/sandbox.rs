//! Sandbox of the layer unpacker: the target folder becomes its root, and it can only write files there.

use std::{io, path::Path};

use rustix::{
    mount::{MountPropagationFlags, UnmountFlags},
    process::{Resource, Rlimit},
};

use crate::{
    capabilities, seccomp,
    sys::{
        child,
        ids::{self, STORED_ID_BASE},
    },
};

/// Restricts this process to `target` as `/` and to files of at most `max_file_bytes`. The host ids from
/// [`STORED_ID_BASE`] on appear as 0 and up.
pub fn enter_sandbox(target: &Path, max_file_bytes: u64) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    let filters = seccomp::build_unpacker_filters().map_err(io::Error::other)?;
    let namespace = ids::make_user_namespace(0, STORED_ID_BASE)?;
    child::unshare_namespaces(
        libc::CLONE_NEWNS | libc::CLONE_NEWNET | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS,
    )?;
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    rustix::mount::mount_change("/", private)?;
    rustix::mount::mount_bind(target, target)?;
    rustix::process::chdir(target)?;
    rustix::process::pivot_root(".", ".")?;
    rustix::mount::unmount(".", UnmountFlags::DETACH)?;
    rustix::process::chdir("/")?;
    // The user namespace is joined after the mount namespace was made, so the mount namespace belongs to the
    // host's user namespace, and this process can mount nothing in it.
    child::join_namespaces(&namespace, libc::CLONE_NEWUSER)?;
    drop(namespace);
    child::set_cloexec_from(3)?;
    ids::become_user(0, 0, &[])?;
    ids::set_capabilities(capabilities::UNPACKER_CAPABILITIES, 0)?;
    let limits = [
        (Resource::As, 1 << 30),
        (Resource::Nofile, 64),
        (Resource::Core, 0),
        (Resource::Fsize, max_file_bytes),
    ];
    for (resource, most) in limits {
        let most = rustix::process::getrlimit(resource).maximum.map_or(most, |hard| hard.min(most));
        rustix::process::setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    rustix::process::umask(rustix::fs::Mode::empty());
    seccomp::load_filters(&filters).map_err(io::Error::other)
}
