//! The state folders of `hearthd up`: one for the services, and one that only root can open.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
};

use hearth_base::{Error, Result};

use crate::privilege::HostUser;

/// The state folders of `hearthd up`. Their parent belongs to root, so that services cannot replace the
/// runtime's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFolders {
    /// The state folder of all services.
    pub services: PathBuf,
    /// The state folder of the runtime.
    pub runtime: PathBuf,
}

impl HostFolders {
    /// Creates missing folders in `state`. Errors: `state-folder-closed` when `user` cannot reach them;
    /// `state-folder-owner` when they belong to another user.
    pub fn create_in(state: &Path, user: HostUser) -> Result<Self> {
        if let Some(closed) = find_closed_folder(state, user) {
            return Err(unreachable_error(state, &closed, user));
        }
        let folders = Self { services: state.join("services"), runtime: state.join("runtime") };
        create_folder(state, 0o755)?;
        create_folder(&folders.runtime, 0o700)?;
        create_folder(&folders.services, 0o700)?;
        let meta = fs::symlink_metadata(&folders.services)
            .map_err(|cause| unusable_error(&folders.services, &cause))?;
        match meta.uid() {
            0 => chown(&folders.services, Some(user.uid), Some(user.gid))
                .map_err(|cause| unusable_error(&folders.services, &cause))?,
            owner if owner == user.uid => {}
            owner => {
                let what = format!(
                    "the state folder has a wrong owner: {}, user {owner}; expected user {}",
                    folders.services.display(),
                    user.uid
                );
                let cure = format!("chown -R {}:{} {}", user.uid, user.gid, folders.services.display());
                return Err(Error::conflict("state-folder-owner", what).help(cure));
            }
        }
        Ok(folders)
    }
}

/// Finds the first folder on the path that `user` may not traverse.
fn find_closed_folder(state: &Path, user: HostUser) -> Option<PathBuf> {
    let mut ancestors: Vec<&Path> = state.ancestors().collect();
    ancestors.reverse();
    let closed = |folder: &&&Path| {
        fs::metadata(folder).is_ok_and(|meta| {
            let bit = match () {
                () if meta.uid() == user.uid => 0o100,
                () if meta.gid() == user.gid => 0o010,
                () => 0o001,
            };
            meta.permissions().mode() & bit == 0
        })
    };
    ancestors.iter().find(closed).map(|folder| folder.to_path_buf())
}

fn unreachable_error(state: &Path, closed: &Path, user: HostUser) -> Error {
    let what = format!(
        "the services of user {} cannot reach the state folder {}: {} is closed to other users",
        user.uid,
        state.display(),
        closed.display()
    );
    Error::invalid("state-folder-closed", what).help("hearthd up --state /var/lib/hearth")
}

fn create_folder(folder: &Path, mode: u32) -> Result<()> {
    match fs::DirBuilder::new().recursive(true).mode(mode).create(folder) {
        Ok(()) if folder.is_dir() => Ok(()),
        Ok(()) => Err(unusable_error(folder, &io::ErrorKind::NotADirectory.into())),
        Err(cause) => Err(unusable_error(folder, &cause)),
    }
}

fn unusable_error(folder: &Path, cause: &io::Error) -> Error {
    Error::unavailable(
        "state-folder",
        format!("the state folder {} cannot be used: {cause}", folder.display()),
    )
    .help("choose another folder with --state")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY_USER: HostUser = HostUser { uid: 65_534, gid: 65_534 };

    #[test]
    fn a_folder_that_services_cannot_reach_is_refused_with_the_reason() -> Result<()> {
        let home = tempfile::tempdir().map_err(Error::internal)?;
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).map_err(Error::internal)?;
        let refused = HostFolders::create_in(&home.path().join("state"), NOBODY_USER).err();
        let refused = refused.ok_or_else(|| Error::internal("not refused"))?;
        assert_eq!(refused.code(), "state-folder-closed");
        assert!(
            refused.public_message().contains(&format!("{} is closed", home.path().display())),
            "{refused}"
        );
        assert!(!home.path().join("state").exists());
        Ok(())
    }
}
