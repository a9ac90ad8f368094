//! Moving of homes that an earlier release has made as folders into disk files.

use std::{
    fs, io,
    os::{fd::AsRawFd, unix::fs::chown},
    path::Path,
    process::{Command, Stdio},
};

use crate::{programs, state_files};

use super::{
    DiskOwner, StorageQuota, attach,
    disk_file::{self, DiskFile, DiskFormat},
};

/// Moves the files of `folder`, which no container uses, into a new disk file at `path`. On an error, for example
/// when they exceed the quota, the folder is unchanged.
pub fn move_folder_to_disk(folder: &Path, path: &Path, quota: StorageQuota) -> io::Result<()> {
    let unfinished = path.with_extension("moving");
    state_files::remove_path(&unfinished)?;
    disk_file::make_disk_file(&unfinished, quota, DiskFormat::Durable)?;
    let moved = copy_to_disk(folder, &unfinished);
    if let Err(error) = moved {
        state_files::remove_path(&unfinished)?;
        return Err(error);
    }
    // From this rename on, the disk file is the home; an old folder beside it is not used.
    fs::rename(&unfinished, path)?;
    state_files::sync_parent_folder(path)?;
    state_files::remove_path(folder)
}

fn copy_to_disk(folder: &Path, disk: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let meta = fs::metadata(folder)?;
    // The mount is nowhere in the file tree; it ends with its descriptor.
    let mount = attach::open_disk(&DiskFile::open_locked(disk)?)?;
    let top = format!("/proc/{}/fd/{}", std::process::id(), mount.as_raw_fd());
    let data = attach::make_data_folder(Path::new(&top), DiskOwner { uid: meta.uid(), gid: meta.gid() })?;
    let copy =
        programs::find_program("cp", "coreutils").map_err(|error| io::Error::other(error.to_string()))?;
    // Links are copied as links, so nothing outside of the folder is read.
    let mut command = Command::new(copy);
    command.env_clear().args(["--archive", "--no-target-directory", "--one-file-system", "--"]);
    let output = command.arg(folder).arg(&data).stdin(Stdio::null()).output()?;
    programs::check_success("cp", &output)?;
    chown(&data, Some(meta.uid()), Some(meta.gid()))?;
    rustix::fs::syncfs(fs::File::open(&data)?)?;
    Ok(())
}
