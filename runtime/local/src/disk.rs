//! Where things lie on the disk, and how a file is replaced whole.

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

use crate::{Settings, failure::Doing};

/// The folders of one Hearth.
#[derive(Debug, Clone)]
pub struct Disk {
    state: PathBuf,
    run: PathBuf,
}

impl Disk {
    /// Makes the folders, closed to all but root.
    pub fn open(settings: &Settings) -> Result<Self> {
        let run = PathBuf::from(format!("/run/hearth-{}", settings.instance));
        let disk = Self { state: settings.state.clone(), run };
        folder(&disk.state, 0o700).doing(format_args!("making {}", disk.state.display()))?;
        for name in ["images", "layers", "partial", "homes", "caches", "blanks", "boxes", "runs", "workloads"]
        {
            folder(&disk.state.join(name), 0o700).doing(format_args!("making the folder {name}"))?;
        }
        // The set-up inside a container's user namespace must be able to walk through this one.
        folder(&disk.run, 0o711).doing(format_args!("making {}", disk.run.display()))?;
        folder(&disk.mounts(), 0o711).doing("making the folder of mounts")?;
        Ok(disk)
    }

    pub fn socket(&self) -> PathBuf {
        self.run.join("socket")
    }

    /// Where each helper mounts, in its own mount namespace.
    pub fn mounts(&self) -> PathBuf {
        self.run.join("mounts")
    }

    /// Who is where, for the answerer of names.
    pub fn names(&self) -> PathBuf {
        self.run.join("names.json")
    }

    /// Which addresses this Hearth has chosen.
    pub fn subnet(&self) -> PathBuf {
        self.state.join("subnet.json")
    }

    pub fn run(&self) -> &Path {
        &self.run
    }

    /// The folder with a file for each known image.
    pub fn images(&self) -> PathBuf {
        self.state.join("images")
    }

    pub fn image(&self, manifest: Digest) -> PathBuf {
        self.images().join(format!("{}.json", manifest.hex()))
    }

    pub fn layers(&self) -> PathBuf {
        self.state.join("layers")
    }

    pub fn layer(&self, layer: Digest) -> PathBuf {
        self.layers().join(layer.hex())
    }

    pub fn partial(&self) -> PathBuf {
        self.state.join("partial")
    }

    pub fn home(&self, number: u32) -> PathBuf {
        self.state.join("homes").join(number.to_string())
    }

    pub fn cache(&self, number: u32) -> PathBuf {
        self.state.join("caches").join(number.to_string())
    }

    /// Empty disks.
    pub fn blanks(&self) -> PathBuf {
        self.state.join("blanks")
    }

    /// Where the disks of containers are.
    pub fn boxes(&self) -> PathBuf {
        self.state.join("boxes")
    }

    /// What a container writes into its root: a file that is its disk, or a folder where there are no such disks.
    pub fn upper(&self, instance: InstanceId) -> PathBuf {
        self.boxes().join(instance.to_string())
    }

    /// What a helper is told and tells.
    pub fn folder_of(&self, instance: InstanceId) -> PathBuf {
        self.runs().join(instance.to_string())
    }

    pub fn runs(&self) -> PathBuf {
        self.state.join("runs")
    }

    pub fn workloads(&self) -> PathBuf {
        self.state.join("workloads")
    }

    pub fn workload(&self, id: WorkloadId) -> PathBuf {
        self.workloads().join(format!("{id}.json"))
    }

    pub fn gone(&self) -> PathBuf {
        self.state.join("gone")
    }

    /// What opens tools' secrets.
    pub fn secret_keys(&self) -> PathBuf {
        self.state.join("secrets.keys")
    }

    pub fn tools(&self) -> PathBuf {
        self.state.join("tools.json")
    }
}

/// Makes a folder with exactly this mode, or keeps the one that is there.
pub fn folder(path: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(mode).create(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

/// Replaces a file whole: whoever reads sees the old one or the new one, also after a crash of the host.
pub fn replace(path: &Path, content: &impl Serialize) -> io::Result<()> {
    write(path, content, File::sync_all)?;
    sync_folder(path)
}

/// As [`replace`], for what tells of processes: once the host has crashed nobody believes it, and until then nothing
/// has to reach the disk.
pub fn tell(path: &Path, content: &impl Serialize) -> io::Result<()> {
    write(path, content, |_| Ok(()))
}

/// As [`tell`], for everybody to read.
pub fn tell_all(path: &Path, content: &impl Serialize) -> io::Result<()> {
    write(path, content, |file| file.set_permissions(fs::Permissions::from_mode(0o644)))
}

/// As [`tell`], if nobody has told there yet: of all who try, one does, and the others get
/// [`io::ErrorKind::AlreadyExists`].
pub fn tell_first(path: &Path, content: &impl Serialize) -> io::Result<()> {
    let temporary = path.with_extension(std::process::id().to_string());
    write_to(&temporary, content, |_| Ok(()))?;
    let told = rustix::fs::renameat_with(CWD, &temporary, CWD, path, RenameFlags::NOREPLACE);
    if told.is_err() {
        remove(&temporary)?;
    }
    Ok(told?)
}

fn write(path: &Path, content: &impl Serialize, last: fn(&File) -> io::Result<()>) -> io::Result<()> {
    let temporary = path.with_extension("new");
    write_to(&temporary, content, last)?;
    fs::rename(&temporary, path)
}

fn write_to(temporary: &Path, content: &impl Serialize, last: fn(&File) -> io::Result<()>) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(temporary)?;
    file.write_all(&serde_json::to_vec(content)?)?;
    last(&file)
}

/// Makes what happened to the entries of a file's folder last.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

/// Removes a file or a folder with all that is in it, if it is there.
pub fn remove(path: &Path) -> io::Result<()> {
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
