//! Key files of roles: the private key `ROLE.key`, readable by that role alone, and the public key `ROLE.pub`.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use hearth_base::{Error, KeyRing, Result, Role, RoleKey, Secret};

use crate::state::write_private_file;

/// The folder of keys.
#[derive(Debug, Clone)]
pub struct KeyFolder(PathBuf);

impl KeyFolder {
    /// The keys in `folder`, which exists.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    /// Creates the missing keys of all roles, so that every role can verify every other one from the first start.
    /// Skips a role whose public key exists: its private key may be on another machine.
    ///
    /// Concurrent calls, also of other processes, wait for each other at a file lock. May be repeated.
    pub fn create_missing_keys(&self) -> Result<()> {
        let lock = self.0.join("lock");
        let lock = File::create(&lock).and_then(|file| file.lock().map(|()| file));
        let _others_wait = lock.map_err(|cause| build_key_error(&self.0, "cannot be locked", cause))?;
        for role in Role::ALL {
            let public = self.key_path(*role, "pub");
            if public.exists() {
                continue;
            }
            let private = self.key_path(*role, "key");
            let key = match fs::read_to_string(&private) {
                Ok(text) => RoleKey::from_text(*role, &Secret::new(text))?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let key = RoleKey::generate_for_role(*role)?;
                    write_private_file(&private, key.to_text().expose_secret())?;
                    key
                }
                Err(cause) => return Err(build_key_error(&private, "cannot be read", cause)),
            };
            let unfinished = self.key_path(*role, "pub.unfinished");
            fs::write(&unfinished, key.public_text())
                .and_then(|()| fs::rename(&unfinished, &public))
                .map_err(|cause| build_key_error(&public, "cannot be written", cause))?;
        }
        Ok(())
    }

    /// Reads the private key of `role`.
    pub fn read_private_key(&self, role: Role) -> Result<RoleKey> {
        let path = self.key_path(role, "key");
        let text =
            fs::read_to_string(&path).map_err(|cause| build_key_error(&path, "cannot be read", cause))?;
        RoleKey::from_text(role, &Secret::new(text))
    }

    /// Reads all public keys in the folder.
    pub fn read_key_ring(&self) -> Result<KeyRing> {
        let mut ring = KeyRing::default();
        for role in Role::ALL {
            let path = self.key_path(*role, "pub");
            match fs::read_to_string(&path) {
                Ok(text) => ring.insert(*role, &text)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(cause) => return Err(build_key_error(&path, "cannot be read", cause)),
            }
        }
        Ok(ring)
    }

    fn key_path(&self, role: Role, ending: &str) -> PathBuf {
        self.0.join(format!("{role}.{ending}"))
    }
}

fn build_key_error(path: &Path, what: &str, cause: io::Error) -> Error {
    Error::unavailable("role-key", format!("{} {what}: {cause}", path.display())).with_cause(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_created_once_and_an_interrupted_start_is_completed() -> Result<()> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let keys = KeyFolder::new(folder.path());
        std::thread::scope(|scope| {
            let starts: Vec<_> = (0..8).map(|_| scope.spawn(|| keys.create_missing_keys())).collect();
            starts.into_iter().try_for_each(|start| start.join().map_err(|_| Error::internal("panicked"))?)
        })?;
        let first = keys.read_private_key(Role::Gateway)?.public_text();
        fs::remove_file(keys.key_path(Role::Gateway, "pub")).map_err(Error::internal)?;
        keys.create_missing_keys()?;
        let public = fs::read_to_string(keys.key_path(Role::Gateway, "pub")).map_err(Error::internal)?;
        assert_eq!(
            (public.as_str(), keys.read_private_key(Role::Gateway)?.public_text()),
            (first.as_str(), first.clone())
        );
        Ok(())
    }
}
