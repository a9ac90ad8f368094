//! The keys of roles, as files: `ROLE.key`, which only its role can read, and `ROLE.pub` for everybody.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use hearth_base::{Error, KeyRing, Result, Role, RoleKey, Secret};

use crate::state::write_private;

/// The folder of keys.
#[derive(Debug, Clone)]
pub struct KeyFolder(PathBuf);

impl KeyFolder {
    /// The keys in `folder`.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    /// The key of `role`, made at the first start.
    pub fn own(&self, role: Role) -> Result<RoleKey> {
        let path = self.path(role, "key");
        match fs::read_to_string(&path) {
            Ok(text) => RoleKey::from_text(role, &Secret::new(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = RoleKey::generate(role)?;
                write_private(&path, key.to_text().reveal())?;
                fs::write(self.path(role, "pub"), key.public_text())
                    .map_err(|cause| unusable(&path, "cannot be written", cause))?;
                Ok(key)
            }
            Err(cause) => Err(unusable(&path, "cannot be read", cause)),
        }
    }

    /// The public keys of all roles that have one here.
    pub fn ring(&self) -> Result<KeyRing> {
        let mut ring = KeyRing::default();
        for role in Role::ALL {
            let path = self.path(*role, "pub");
            match fs::read_to_string(&path) {
                Ok(text) => ring.insert(*role, &text)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(cause) => return Err(unusable(&path, "cannot be read", cause)),
            }
        }
        Ok(ring)
    }

    fn path(&self, role: Role, ending: &str) -> PathBuf {
        self.0.join(format!("{role}.{ending}"))
    }
}

fn unusable(path: &Path, what: &str, cause: io::Error) -> Error {
    Error::unavailable("role-key", format!("{} {what}: {cause}", path.display())).because(cause)
}
