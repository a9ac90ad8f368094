//! Paths of the runtime's files, and atomic replacement of a file.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use hearth_base::{Digest, Result};
use hearth_runtime_api::{InstanceId, WorkloadId};
use rustix::fs::{CWD, RenameFlags};
use serde::Serialize;

use crate::{LocalRuntimeSettings, host_error::HostErrorContext};

/// Folder of refreshed files, below the run folder.
const REFRESHED_FILES_FOLDER: &str = "files";

/// Paths of the state folder and of the run folder (`/run/hearth-INSTANCE`) of one Hearth.
#[derive(Debug, Clone)]
pub struct StateLayout {
    state_folder: PathBuf,
    run_folder: PathBuf,
}

impl StateLayout {
    /// Makes the folders, accessible to root only.
    pub fn open(settings: &LocalRuntimeSettings) -> Result<Self> {
        let run_folder = PathBuf::from(format!("/run/hearth-{}", settings.instance));
        let layout = Self { state_folder: settings.state_folder.clone(), run_folder };
        make_folder(&layout.state_folder, 0o700)
            .with_context(format_args!("making {}", layout.state_folder.display()))?;
        for name in [
            "images",
            "layers",
            "layer-sizes",
            "partial",
            "homes",
            "caches",
            "disk-templates",
            "uppers",
            "runs",
            "workloads",
        ] {
            make_folder(&layout.state_folder.join(name), 0o700)
                .with_context(format_args!("making the folder {name}"))?;
        }
        // Mode 0711: the set-up inside a container's user namespace must be able to traverse this folder.
        make_folder(&layout.run_folder, 0o711)
            .with_context(format_args!("making {}", layout.run_folder.display()))?;
        make_folder(&layout.mounts_folder(), 0o711).with_context("making the folder of mounts")?;
        make_folder(&layout.run_folder.join(REFRESHED_FILES_FOLDER), 0o711)
            .with_context("making the folder of refreshed files")?;
        Ok(layout)
    }

    pub fn socket_path(&self) -> PathBuf {
        self.run_folder.join("socket")
    }

    /// Mount point of each helper, in the helper's own mount namespace.
    pub fn mounts_folder(&self) -> PathBuf {
        self.run_folder.join("mounts")
    }

    /// Folder of the refreshed files of a container.
    pub fn refreshed_files_folder(&self, instance: InstanceId) -> PathBuf {
        self.run_folder.join(REFRESHED_FILES_FOLDER).join(instance.to_string())
    }

    /// Table of container names and addresses for the DNS server.
    pub fn dns_table_path(&self) -> PathBuf {
        self.run_folder.join("dns.json")
    }

    /// File with the subnet that this Hearth has chosen.
    pub fn subnet_path(&self) -> PathBuf {
        self.state_folder.join("subnet.json")
    }

    pub fn run_folder(&self) -> &Path {
        &self.run_folder
    }

    /// Folder with one file for each stored image.
    pub fn images_folder(&self) -> PathBuf {
        self.state_folder.join("images")
    }

    pub fn image_path(&self, manifest: Digest) -> PathBuf {
        self.images_folder().join(format!("{}.json", manifest.to_hex()))
    }

    pub fn layers_folder(&self) -> PathBuf {
        self.state_folder.join("layers")
    }

    pub fn layer_folder(&self, layer: Digest) -> PathBuf {
        self.layers_folder().join(layer.to_hex())
    }

    /// Folder with one file for each layer, which has the layer's unpacked size.
    pub fn layer_sizes_folder(&self) -> PathBuf {
        self.state_folder.join("layer-sizes")
    }

    pub fn layer_size_path(&self, layer: Digest) -> PathBuf {
        self.layer_sizes_folder().join(format!("{}.json", layer.to_hex()))
    }

    pub fn partial_layers_folder(&self) -> PathBuf {
        self.state_folder.join("partial")
    }

    pub fn home_folder(&self, number: u32) -> PathBuf {
        self.state_folder.join("homes").join(number.to_string())
    }

    /// Folder of erased storage, which is being deleted.
    pub fn trash_folder(&self) -> PathBuf {
        self.state_folder.join("trash")
    }

    pub fn cache_folder(&self, number: u32) -> PathBuf {
        self.state_folder.join("caches").join(number.to_string())
    }

    /// Folder of disk templates.
    pub fn disk_templates_folder(&self) -> PathBuf {
        self.state_folder.join("disk-templates")
    }

    /// Folder of the containers' writable upper layers.
    pub fn uppers_folder(&self) -> PathBuf {
        self.state_folder.join("uppers")
    }

    /// Writable upper layer of a container: a disk file, or a folder on a host without loop devices.
    pub fn upper_path(&self, instance: InstanceId) -> PathBuf {
        self.uppers_folder().join(instance.to_string())
    }

    /// Folder with the configuration, state, exit and log of one container and its helper.
    pub fn instance_folder(&self, instance: InstanceId) -> PathBuf {
        self.instances_folder().join(instance.to_string())
    }

    pub fn instances_folder(&self) -> PathBuf {
        self.state_folder.join("runs")
    }

    pub fn workloads_folder(&self) -> PathBuf {
        self.state_folder.join("workloads")
    }

    pub fn workload_path(&self, id: WorkloadId) -> PathBuf {
        self.workloads_folder().join(format!("{id}.json"))
    }

    pub fn tombstones_path(&self) -> PathBuf {
        self.state_folder.join("tombstones")
    }

    /// File with the keys that open tools' secrets.
    pub fn secret_keys_path(&self) -> PathBuf {
        self.state_folder.join("secrets.keys")
    }

    pub fn tool_numbers_path(&self) -> PathBuf {
        self.state_folder.join("tools.json")
    }
}

/// Makes a folder, if it does not exist, and sets its mode.
pub fn make_folder(path: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(mode).create(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

/// Replaces a file atomically and durably: a reader sees the old or the new content, also after a crash of
/// the host.
pub fn replace_file(path: &Path, content: &impl Serialize) -> io::Result<()> {
    write_and_rename(path, content, File::sync_all)?;
    sync_parent_folder(path)
}

/// Replaces a file atomically without fsync. For files about processes: after a crash of the host the
/// processes do not exist and the files are ignored.
pub fn replace_file_unsynced(path: &Path, content: &impl Serialize) -> io::Result<()> {
    write_and_rename(path, content, |_| Ok(()))
}

/// Replaces a file atomically without fsync, with mode 0644.
pub fn replace_public_file(path: &Path, content: &impl Serialize) -> io::Result<()> {
    write_and_rename(path, content, |file| file.set_permissions(fs::Permissions::from_mode(0o644)))
}

/// Creates a file atomically without fsync. If several processes try, one succeeds and the others get
/// [`io::ErrorKind::AlreadyExists`].
pub fn create_file_exclusively(path: &Path, content: &impl Serialize) -> io::Result<()> {
    let temporary = path.with_extension(std::process::id().to_string());
    write_json(&temporary, content, |_| Ok(()))?;
    let renamed = rustix::fs::renameat_with(CWD, &temporary, CWD, path, RenameFlags::NOREPLACE);
    if renamed.is_err() {
        remove_path(&temporary)?;
    }
    Ok(renamed?)
}

fn write_and_rename(
    path: &Path,
    content: &impl Serialize,
    last: fn(&File) -> io::Result<()>,
) -> io::Result<()> {
    let temporary = path.with_extension("new");
    write_json(&temporary, content, last)?;
    fs::rename(&temporary, path)
}

fn write_json(
    temporary: &Path,
    content: &impl Serialize,
    last: fn(&File) -> io::Result<()>,
) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(temporary)?;
    file.write_all(&serde_json::to_vec(content)?)?;
    last(&file)
}

/// Syncs the folder that contains `path`, so that a creation, rename or removal survives a crash.
pub fn sync_parent_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

/// Removes a file, or a folder with its content, if it exists.
pub fn remove_path(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
