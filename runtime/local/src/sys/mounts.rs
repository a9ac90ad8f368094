//! Mounts with shifted ids.
#![expect(unsafe_code, reason = "mount_setattr has no safe form in the kept crates")]

use std::{
    io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{CWD, Mode, OFlags},
    mount::{MoveMountFlags, OpenTreeFlags},
};

/// What a shifted mount allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reading, and setuid programs: a layer of an image.
    Layer,
    /// Writing, setuid programs: the upper folder of a root.
    Upper,
    /// Reading and writing, no setuid programs, no devices: a volume.
    Volume,
    /// Reading only, no setuid programs, no devices.
    ReadOnlyVolume,
}

/// Attaches `source`, with ids mapped as `ids` (a user namespace) says, at `target`.
pub fn attach_shifted(source: &Path, ids: impl AsFd, access: Access, target: &Path) -> io::Result<()> {
    let clone = clone_tree(source)?;
    let mut attributes = libc::MOUNT_ATTR_IDMAP | libc::MOUNT_ATTR_NODEV;
    if matches!(access, Access::Layer | Access::ReadOnlyVolume) {
        attributes |= libc::MOUNT_ATTR_RDONLY;
    }
    if matches!(access, Access::Volume | Access::ReadOnlyVolume) {
        attributes |= libc::MOUNT_ATTR_NOSUID;
    }
    set_attributes(&clone, attributes, Some(ids.as_fd().as_raw_fd()))?;
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    rustix::mount::move_mount(&clone, "", CWD, target, flags)?;
    Ok(())
}

/// A detached copy of the mount at `source`, whose last part must not be a symbolic link.
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
