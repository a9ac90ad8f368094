//! The keys of roles, as files: `ROLE.key`, which only its role can read, and `ROLE.pub` for everybody.

use std::{
    fs::{self, File},
    io,
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

    /// Makes the keys that are missing, those of all roles, so that each can check the others' from the first
    /// start on. Of roles that have a public key already the private one is not touched: it may not be here.
    pub fn complete(&self) -> Result<()> {
        let lock = self.0.join("lock");
        let lock = File::create(&lock).and_then(|file| file.lock().map(|()| file));
        let _others_wait = lock.map_err(|cause| unusable(&self.0, "cannot be locked", cause))?;
        for role in Role::ALL {
            let public = self.path(*role, "pub");
            if public.exists() {
                continue;
            }
            let private = self.path(*role, "key");
            let key = match fs::read_to_string(&private) {
                Ok(text) => RoleKey::from_text(*role, &Secret::new(text))?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let key = RoleKey::generate(*role)?;
                    write_private(&private, key.to_text().reveal())?;
                    key
                }
                Err(cause) => return Err(unusable(&private, "cannot be read", cause)),
            };
            let unfinished = self.path(*role, "pub.unfinished");
            fs::write(&unfinished, key.public_text())
                .and_then(|()| fs::rename(&unfinished, &public))
                .map_err(|cause| unusable(&public, "cannot be written", cause))?;
        }
        Ok(())
    }

    /// The private key of `role`.
    pub fn own(&self, role: Role) -> Result<RoleKey> {
        let path = self.path(role, "key");
        let text = fs::read_to_string(&path).map_err(|cause| unusable(&path, "cannot be read", cause))?;
        RoleKey::from_text(role, &Secret::new(text))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once_and_a_start_that_broke_off_is_completed() -> Result<()> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let keys = KeyFolder::at(folder.path());
        std::thread::scope(|scope| {
            let starts: Vec<_> = (0..8).map(|_| scope.spawn(|| keys.complete())).collect();
            starts.into_iter().try_for_each(|start| start.join().map_err(|_| Error::internal("panicked"))?)
        })?;
        let first = keys.own(Role::Gateway)?.public_text();
        fs::remove_file(keys.path(Role::Gateway, "pub")).map_err(Error::internal)?;
        keys.complete()?;
        let public = fs::read_to_string(keys.path(Role::Gateway, "pub")).map_err(Error::internal)?;
        assert_eq!(
            (public.as_str(), keys.own(Role::Gateway)?.public_text()),
            (first.as_str(), first.clone())
        );
        Ok(())
    }
}
