//! Where everything is kept: one folder for services, and one that only root can open.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
};

use hearth_base::{Error, Result};

use crate::privilege::User;

/// The folders of a whole Hearth. Their parent is root's, so that services cannot put another folder in the
/// runtime's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// The state folder of all services.
    pub services: PathBuf,
    /// What the runtime keeps.
    pub runtime: PathBuf,
}

impl Folders {
    /// Makes what is missing in `state`. Refused when `user` could not reach it, or when it is somebody else's.
    pub fn make(state: &Path, user: User) -> Result<Self> {
        if let Some(closed) = first_closed(state, user) {
            return Err(unreachable(state, &closed, user));
        }
        let folders = Self { services: state.join("services"), runtime: state.join("runtime") };
        make(state, 0o755)?;
        make(&folders.runtime, 0o700)?;
        make(&folders.services, 0o700)?;
        let meta =
            fs::symlink_metadata(&folders.services).map_err(|cause| unusable(&folders.services, &cause))?;
        match meta.uid() {
            0 => chown(&folders.services, Some(user.uid), Some(user.gid))
                .map_err(|cause| unusable(&folders.services, &cause))?,
            owner if owner == user.uid => {}
            owner => {
                let what = format!(
                    "{} belongs to user {owner}, not to user {}",
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

/// The first folder on the way that `user` may not walk through.
fn first_closed(state: &Path, user: User) -> Option<PathBuf> {
    let mut way: Vec<&Path> = state.ancestors().collect();
    way.reverse();
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
    way.iter().find(closed).map(|folder| folder.to_path_buf())
}

fn unreachable(state: &Path, closed: &Path, user: User) -> Error {
    let what = format!(
        "the services, which run as user {}, could not reach {}: {} is closed to others",
        user.uid,
        state.display(),
        closed.display()
    );
    Error::invalid("state-folder-closed", what).help("hearthd up --state /var/lib/hearth")
}

fn make(folder: &Path, mode: u32) -> Result<()> {
    match fs::DirBuilder::new().recursive(true).mode(mode).create(folder) {
        Ok(()) if folder.is_dir() => Ok(()),
        Ok(()) => Err(unusable(folder, &io::ErrorKind::NotADirectory.into())),
        Err(cause) => Err(unusable(folder, &cause)),
    }
}

fn unusable(folder: &Path, cause: &io::Error) -> Error {
    Error::unavailable("state-folder", format!("{} cannot be used: {cause}", folder.display()))
        .help("name another folder with --state")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: User = User { uid: 65_534, gid: 65_534 };

    #[test]
    fn a_folder_that_services_cannot_reach_is_refused_with_the_reason() -> Result<()> {
        let home = tempfile::tempdir().map_err(Error::internal)?;
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).map_err(Error::internal)?;
        let refused = Folders::make(&home.path().join("state"), NOBODY).err();
        let refused = refused.ok_or_else(|| Error::internal("not refused"))?;
        assert_eq!(refused.code(), "state-folder-closed");
        assert!(refused.public().contains(&format!("{} is closed", home.path().display())), "{refused}");
        assert!(!home.path().join("state").exists());
        Ok(())
    }
}
