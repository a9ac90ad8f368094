//! A container's root: layers and an upper folder, each mounted with the container's ids, joined by overlayfs.

use std::{
    fs, io,
    os::fd::AsFd,
    os::unix::fs::chown,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, StatVfsMountFlags},
    mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags},
};

use crate::{
    blanks, disk,
    sys::{
        ids::{self, STORE},
        loops::Loop,
        mounts::{Access, attach_shifted},
    },
};

use super::brief::Brief;

/// Where the root is, below the helper's mounts.
pub const ROOT: &str = "root";
/// Where its disk is, with the ids that lie on it.
const WRITTEN: &str = "written";
/// Where volumes are, by their place in the brief.
pub const VOLUMES: &str = "volumes";

/// Mounts the root and the volumes.
pub fn assemble(brief: &Brief) -> io::Result<()> {
    let shifted = ids::user_namespace(STORE, brief.first_id)?;
    let place = |name: &str| -> io::Result<PathBuf> {
        let path = brief.mounts.join(name);
        disk::folder(&path, 0o711)?;
        Ok(path)
    };
    let layers = place("layers")?;
    let mut lower = Vec::new();
    for (number, layer) in brief.layers.iter().enumerate() {
        let at = layers.join(number.to_string());
        fs::create_dir(&at)?;
        attach_shifted(layer, &shifted, Access::Layer, &at)?;
        lower.push(at);
    }
    let (upper, written) = (place("upper")?, place(WRITTEN)?);
    let written = match &brief.blank {
        Some(blank) => attach_disk(blank, &brief.upper, &written).map(|()| &written)?,
        None => &brief.upper,
    };
    for name in ["upper", "work"] {
        let folder = written.join(name);
        disk::folder(&folder, 0o755)?;
        chown(&folder, Some(STORE), Some(STORE))?;
    }
    attach_shifted(written, &shifted, Access::Upper, &upper)?;
    let root = place(ROOT)?;
    ids::with_file_id(brief.first_id, || overlay(&lower, &upper, &root))??;
    let stat = rustix::fs::statvfs(&root)?;
    if stat.f_flag.contains(StatVfsMountFlags::RDONLY) {
        return Err(io::Error::other("the container's root can only be read"));
    }
    let volumes = place(VOLUMES)?;
    for (number, volume) in brief.volumes.iter().enumerate() {
        let at = volumes.join(number.to_string());
        fs::create_dir(&at)?;
        let access = if volume.read_only { Access::ReadOnlyVolume } else { Access::Volume };
        attach_shifted(&volume.source, shifted.as_fd(), access, &at)?;
    }
    Ok(())
}

/// Makes the container's disk and mounts it.
fn attach_disk(blank: &Path, file: &Path, at: &Path) -> io::Result<()> {
    let device = Loop::of(blanks::copy(blank, file)?)?;
    let disk = rustix::mount::fsopen(blanks::KIND, FsOpenFlags::FSOPEN_CLOEXEC)?;
    rustix::mount::fsconfig_set_string(&disk, "source", device.path.as_path())?;
    // Nothing of it has to last: neither order on the host's disk, nor tables that nobody uses yet.
    for option in ["nobarrier", "noinit_itable"] {
        rustix::mount::fsconfig_set_flag(&disk, option)?;
    }
    rustix::mount::fsconfig_create(&disk)?;
    attach(&disk, at)
}

fn attach(made: impl AsFd, at: &Path) -> io::Result<()> {
    let mount = rustix::mount::fsmount(
        made.as_fd(),
        FsMountFlags::FSMOUNT_CLOEXEC,
        MountAttrFlags::MOUNT_ATTR_NODEV,
    )?;
    Ok(rustix::mount::move_mount(&mount, "", CWD, at, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?)
}

fn overlay(lower: &[PathBuf], upper: &Path, root: &Path) -> io::Result<()> {
    let overlay = rustix::mount::fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
    for layer in lower.iter().rev() {
        rustix::mount::fsconfig_set_string(&overlay, "lowerdir+", layer.as_path())?;
    }
    rustix::mount::fsconfig_set_string(&overlay, "upperdir", upper.join("upper"))?;
    rustix::mount::fsconfig_set_string(&overlay, "workdir", upper.join("work"))?;
    // The unpacker has no power over `trusted.` attributes, and the upper folder is thrown away.
    rustix::mount::fsconfig_set_flag(&overlay, "userxattr")?;
    rustix::mount::fsconfig_set_flag(&overlay, "volatile")?;
    rustix::mount::fsconfig_create(&overlay)?;
    attach(&overlay, root)
}
