//! The state folders of `hearthd up`: one for the services, and one that only root can open.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
};

use hearth_base::{Error, Result};

use crate::privilege::HostUser;

/// Mode of new folders above the state folder: the services pass through them.
const MODE_OF_PARENTS: u32 = 0o711;
/// Mode of the state folder, whose group is the one of the services.
const MODE_OF_STATE: u32 = 0o710;

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
        create_state_folder(state, user, &folders)?;
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

/// Creates the state folder, which only root and the services can open. A folder of an earlier release that other
/// users can open is closed.
fn create_state_folder(state: &Path, user: HostUser, folders: &HostFolders) -> Result<()> {
    let mut missing: Vec<&Path> = state.ancestors().take_while(|folder| !folder.exists()).collect();
    missing.reverse();
    for folder in &missing {
        create_folder(folder, MODE_OF_PARENTS)?;
        // The mode of a new folder depends on the umask.
        set_mode(folder, MODE_OF_PARENTS)?;
    }
    let is_of_hearth = !missing.is_empty() || folders.services.exists() && folders.runtime.exists();
    let meta = fs::metadata(state).map_err(|cause| unusable_error(state, &cause))?;
    if !meta.is_dir() {
        return Err(unusable_error(state, &io::ErrorKind::NotADirectory.into()));
    }
    if is_of_hearth && meta.uid() == 0 && meta.permissions().mode() & 0o007 != 0 {
        chown(state, None, Some(user.gid)).map_err(|cause| unusable_error(state, &cause))?;
        set_mode(state, MODE_OF_STATE)?;
    }
    Ok(())
}

fn set_mode(folder: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(mode))
        .map_err(|cause| unusable_error(folder, &cause))
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

    #[test]
    fn state_folder_is_open_to_root_and_the_services_only() -> Result<()> {
        let home = tempfile::tempdir().map_err(Error::internal)?;
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o711)).map_err(Error::internal)?;
        let state = home.path().join("parent/state");
        let check = || -> Result<()> {
            let folders = HostFolders::create_in(&state, NOBODY_USER)?;
            let read = |folder: &Path| fs::metadata(folder).map_err(Error::internal);
            let meta = read(&state)?;
            assert_eq!((meta.mode() & 0o777, meta.uid(), meta.gid()), (MODE_OF_STATE, 0, NOBODY_USER.gid));
            assert_eq!(read(&folders.runtime)?.mode() & 0o777, 0o700);
            let meta = read(&folders.services)?;
            assert_eq!((meta.mode() & 0o777, meta.uid()), (0o700, NOBODY_USER.uid));
            assert!(find_closed_folder(&folders.services, NOBODY_USER).is_none());
            Ok(())
        };
        check()?;
        // As an earlier release has made it.
        set_mode(&state, 0o755)?;
        check()
    }
}
