//! Root file system of a container: layers and a writable upper folder, mounted with shifted ids and joined
//! by overlayfs.

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
    disk_templates, state_files, storage,
    sys::{
        ids::{self, STORED_ID_BASE},
        loop_device::LoopDevice,
        mounts::{MountAccess, attach_shifted},
    },
};

use super::{config::HelperConfig, working_folder::create_working_folder};

/// Mount point of the root, below the helper's mounts.
pub const ROOT_FOLDER: &str = "root";
/// Mount point of the container's disk with unshifted ids, below the helper's mounts.
const DISK_FOLDER: &str = "written";
/// Folder of the volumes' mount points, named by their index in the helper configuration.
pub const VOLUMES_FOLDER: &str = "volumes";
/// Folder of the mount points of volumes' disks with unshifted ids, named in the same way.
const VOLUME_DISKS_FOLDER: &str = "volume-disks";

/// Mounts the root and the volumes.
pub fn mount_root(config: &HelperConfig) -> io::Result<()> {
    let shifted = ids::make_user_namespace(STORED_ID_BASE, config.first_id)?;
    let place = |name: &str| -> io::Result<PathBuf> {
        let path = config.mounts.join(name);
        state_files::make_folder(&path, 0o711)?;
        Ok(path)
    };
    let layers = place("layers")?;
    let mut lower = Vec::new();
    for (number, layer) in config.layers.iter().enumerate() {
        let at = layers.join(number.to_string());
        fs::create_dir(&at)?;
        attach_shifted(layer, &shifted, MountAccess::Layer, &at)?;
        lower.push(at);
    }
    let (upper, written) = (place("upper")?, place(DISK_FOLDER)?);
    let written = match &config.disk_template {
        Some(template) => attach_disk(template, &config.upper, &written).map(|()| &written)?,
        None => &config.upper,
    };
    for name in ["upper", "work"] {
        let folder = written.join(name);
        state_files::make_folder(&folder, 0o755)?;
        chown(&folder, Some(STORED_ID_BASE), Some(STORED_ID_BASE))?;
    }
    attach_shifted(written, &shifted, MountAccess::Upper, &upper)?;
    let root = place(ROOT_FOLDER)?;
    // overlayfs makes its work folder with the mounter's file system ids, which must be mapped in the upper
    // mount.
    ids::run_with_file_id(config.first_id, || mount_overlay(&lower, &upper, &root))??;
    let stat = rustix::fs::statvfs(&root)?;
    if stat.f_flag.contains(StatVfsMountFlags::RDONLY) {
        return Err(io::Error::other("the container's root is read-only"));
    }
    let cwd = Path::new(&config.workload.process.cwd);
    ids::run_with_file_id(config.first_id, || create_working_folder(&root, cwd))??;
    let (volumes, disks) = (place(VOLUMES_FOLDER)?, place(VOLUME_DISKS_FOLDER)?);
    for (number, volume) in config.volumes.iter().enumerate() {
        let (at, disk) = (volumes.join(number.to_string()), disks.join(number.to_string()));
        let source = match volume.disk {
            Some(owner) => {
                fs::create_dir(&disk)?;
                storage::attach::mount_disk(&volume.source, owner, &disk)?
            }
            None => volume.source.clone(),
        };
        fs::create_dir(&at)?;
        let access = if volume.read_only { MountAccess::ReadOnlyVolume } else { MountAccess::Volume };
        attach_shifted(&source, shifted.as_fd(), access, &at)?;
    }
    Ok(())
}

/// Copies the disk template and mounts it by a loop device.
fn attach_disk(template: &Path, file: &Path, at: &Path) -> io::Result<()> {
    let device = LoopDevice::attach_file(disk_templates::copy_sparse(template, file)?)?;
    let disk = rustix::mount::fsopen(disk_templates::FILE_SYSTEM_TYPE, FsOpenFlags::FSOPEN_CLOEXEC)?;
    rustix::mount::fsconfig_set_string(&disk, "source", device.path.as_path())?;
    // The disk need not survive a crash, so no write barriers; and unused inode tables stay uninitialised.
    for option in ["nobarrier", "noinit_itable"] {
        rustix::mount::fsconfig_set_flag(&disk, option)?;
    }
    rustix::mount::fsconfig_create(&disk)?;
    attach_mount(&disk, at)
}

fn attach_mount(made: impl AsFd, at: &Path) -> io::Result<()> {
    let mount = rustix::mount::fsmount(
        made.as_fd(),
        FsMountFlags::FSMOUNT_CLOEXEC,
        MountAttrFlags::MOUNT_ATTR_NODEV,
    )?;
    Ok(rustix::mount::move_mount(&mount, "", CWD, at, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?)
}

fn mount_overlay(lower: &[PathBuf], upper: &Path, root: &Path) -> io::Result<()> {
    let overlay = rustix::mount::fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
    for layer in lower.iter().rev() {
        rustix::mount::fsconfig_set_string(&overlay, "lowerdir+", layer.as_path())?;
    }
    rustix::mount::fsconfig_set_string(&overlay, "upperdir", upper.join("upper"))?;
    rustix::mount::fsconfig_set_string(&overlay, "workdir", upper.join("work"))?;
    // The unpacker cannot set `trusted.` attributes, so overlayfs reads `user.` ones. `volatile` skips syncs,
    // because the upper layer is never used after the container's exit.
    rustix::mount::fsconfig_set_flag(&overlay, "userxattr")?;
    rustix::mount::fsconfig_set_flag(&overlay, "volatile")?;
    rustix::mount::fsconfig_create(&overlay)?;
    attach_mount(&overlay, root)
}
