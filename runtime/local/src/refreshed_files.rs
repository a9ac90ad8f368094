//! Refreshed files of containers, such as the credential of a run. They lie in the run folder, which is in memory: a
//! folder for each container, and in it one for each folder of the container that holds such files. The container
//! sees that folder read-only.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt, chown},
    path::{Path, PathBuf},
};

use hearth_base::Result;
use hearth_runtime_api::{InstanceId, RefreshedFile, Workload};

use crate::{
    helper::config::Volume,
    host_error::HostErrorContext,
    state_files::{self, StateLayout},
};

/// Writes the files of a new container. Returns the folders to mount.
pub fn write_files(
    layout: &StateLayout,
    instance: InstanceId,
    workload: &Workload,
    first_id: u32,
) -> Result<Vec<Volume>> {
    if workload.files.is_empty() {
        return Ok(Vec::new());
    }
    replace_files(layout, instance, workload, first_id)?;
    let own = layout.refreshed_files_folder(instance);
    let folders = list_folders(workload).into_iter().enumerate();
    Ok(folders
        .map(|(number, at)| Volume {
            source: own.join(number.to_string()),
            disk: None,
            at: at.to_owned(),
            read_only: true,
        })
        .collect())
}

/// Replaces the content of the files of a container. Each replacement is atomic.
pub fn replace_files(
    layout: &StateLayout,
    instance: InstanceId,
    workload: &Workload,
    first_id: u32,
) -> Result<()> {
    let own = layout.refreshed_files_folder(instance);
    let written = || {
        // Closed to others: the mount makes the files visible, not the path.
        state_files::make_folder(&own, 0o711)?;
        for (number, at) in list_folders(workload).into_iter().enumerate() {
            let folder = own.join(number.to_string());
            state_files::make_folder(&folder, 0o755)?;
            let files = workload.files.iter().filter(|file| split_path(file).0 == at);
            files.into_iter().try_for_each(|file| write_file(&folder, file, workload, first_id))?;
        }
        Ok::<(), io::Error>(())
    };
    written().with_context(format_args!("writing the refreshed files of {instance}"))
}

/// The distinct folders of a workload's files, in their order.
fn list_folders(workload: &Workload) -> Vec<&str> {
    let mut folders: Vec<&str> = Vec::new();
    for (folder, _) in workload.files.iter().map(split_path) {
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    folders
}

fn split_path(file: &RefreshedFile) -> (&str, &str) {
    file.path.rsplit_once('/').unwrap_or(("", &file.path))
}

/// Writes a file for the workload's user. It is opened by nobody else before its content and owner are right.
fn write_file(folder: &Path, file: &RefreshedFile, workload: &Workload, first_id: u32) -> io::Result<()> {
    let (_, name) = split_path(file);
    let new: PathBuf = folder.join(format!(".{name}.new"));
    state_files::remove_path(&new)?;
    let mut written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    written.write_all(file.content.expose_secret().as_bytes())?;
    let user = &workload.process.user;
    chown(&new, Some(first_id + user.uid), Some(first_id + user.gid))?;
    fs::set_permissions(&new, fs::Permissions::from_mode(file.mode))?;
    fs::rename(new, folder.join(name))
}
