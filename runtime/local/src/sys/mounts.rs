//! Id-mapped mounts (mount_setattr(2), `MOUNT_ATTR_IDMAP`).
#![expect(unsafe_code, reason = "mount_setattr has no safe form in the allowed crates")]

use std::{
    io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{CWD, Mode, OFlags},
    mount::{MoveMountFlags, OpenTreeFlags},
};

/// Access through an id-mapped mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MountAccess {
    /// Layer of an image: read-only, with setuid programs.
    Layer,
    /// Upper folder of a root: writable, with setuid programs.
    Upper,
    /// Volume: writable, without setuid programs and devices.
    Volume,
    /// Volume: read-only, without setuid programs and devices.
    ReadOnlyVolume,
}

/// Mounts `source` at `target` with the id mapping of the user namespace `ids`.
pub fn attach_shifted(source: &Path, ids: impl AsFd, access: MountAccess, target: &Path) -> io::Result<()> {
    let clone = clone_tree(source)?;
    let mut attributes = libc::MOUNT_ATTR_IDMAP | libc::MOUNT_ATTR_NODEV;
    if matches!(access, MountAccess::Layer | MountAccess::ReadOnlyVolume) {
        attributes |= libc::MOUNT_ATTR_RDONLY;
    }
    if matches!(access, MountAccess::Volume | MountAccess::ReadOnlyVolume) {
        attributes |= libc::MOUNT_ATTR_NOSUID;
    }
    set_attributes(&clone, attributes, Some(ids.as_fd().as_raw_fd()))?;
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    rustix::mount::move_mount(&clone, "", CWD, target, flags)?;
    Ok(())
}

/// Makes a detached copy of the mount at `source`, whose last component must not be a symbolic link.
fn clone_tree(source: &Path) -> io::Result<OwnedFd> {
    let at = rustix::fs::open(
        source,
        OFlags::PATH | OFlags::NOFOLLOW | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let flags =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    Ok(rustix::mount::open_tree(&at, "", flags)?)
}

fn set_attributes(mount: impl AsFd, attributes: u64, ids: Option<i32>) -> io::Result<()> {
    // linux/mount.h: struct mount_attr { attr_set, attr_clr, propagation, userns_fd }.
    let userns = u64::try_from(ids.unwrap_or(0)).unwrap_or(0);
    let attr: [u64; 4] = [attributes, 0, libc::MS_PRIVATE, userns];
    // SAFETY: the path is an empty, terminated text, and the kernel reads the 32 bytes of `attr`.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_fd().as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | libc::AT_RECURSIVE,
            attr.as_ptr(),
            size_of_val(&attr),
        )
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
