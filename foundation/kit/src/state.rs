//! The state folder: where everything is that must outlive a process.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use hearth_base::{Error, Result, Role};

/// The name of the file with the code by which the first operator comes in.
pub const SETUP_CODE: &str = "setup-code";

/// The state folder of one Hearth.
#[derive(Debug, Clone)]
pub struct StateFolder(PathBuf);

/// Held as long as this process plays a role on a state folder. Dropping it gives the role back.
#[derive(Debug)]
pub struct RoleLock(#[expect(dead_code, reason = "the open file is the lock")] File);

impl StateFolder {
    /// Opens the folder, and makes what is missing of it.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let folder = Self(path.into());
        for inner in [folder.0.clone(), folder.keys(), folder.databases(), folder.blobs(), folder.run()] {
            fs::create_dir_all(&inner).map_err(|cause| unusable(&inner, &cause))?;
        }
        Ok(folder)
    }

    /// No folder at all: for looking at a service without running it.
    pub fn nowhere() -> Self {
        Self(PathBuf::new())
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where the keys of roles are.
    pub fn keys(&self) -> PathBuf {
        self.0.join("keys")
    }

    /// Where SQLite databases are.
    pub fn databases(&self) -> PathBuf {
        self.0.join("db")
    }

    /// Where large content is.
    pub fn blobs(&self) -> PathBuf {
        self.0.join("blobs")
    }

    /// Which folder this is among all on all hosts, until its host starts anew: the host's boot id (`random(4)`),
    /// and what the folder is on its disk. A copy of a folder, or of the disk of a machine, is another one.
    pub fn place(&self) -> Result<String> {
        let boot = Path::new("/proc/sys/kernel/random/boot_id");
        let id = fs::read_to_string(boot).map_err(|cause| unusable(boot, &cause))?;
        let folder = fs::metadata(&self.0).map_err(|cause| unusable(&self.0, &cause))?;
        Ok(format!("{} {}:{}", id.trim(), folder.dev(), folder.ino()))
    }

    /// Whether it is no folder at all.
    pub fn is_nowhere(&self) -> bool {
        self.0.as_os_str().is_empty()
    }

    /// Where locks and what else ends with a process are.
    pub fn run(&self) -> PathBuf {
        self.0.join("run")
    }

    /// The file with the code by which the first operator comes in.
    pub fn setup_code(&self) -> PathBuf {
        self.0.join(SETUP_CODE)
    }

    /// Takes a role for this process. A second process for the same role is refused, and told of the first.
    pub fn take(&self, role: Role) -> Result<RoleLock> {
        let path = self.run().join(format!("{role}.lock"));
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|cause| unusable(&path, &cause))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(self.taken(role, &mut file)),
            Err(fs::TryLockError::Error(cause)) => return Err(unusable(&path, &cause)),
        }
        file.set_len(0)
            .and_then(|()| write!(file, "{}", std::process::id()))
            .map_err(|cause| unusable(&path, &cause))?;
        Ok(RoleLock(file))
    }

    fn taken(&self, role: Role, file: &mut File) -> Error {
        let mut holder = String::new();
        let holder = match file.read_to_string(&mut holder) {
            Ok(_) if holder.bytes().all(|byte| byte.is_ascii_digit()) && !holder.is_empty() => {
                format!("process {holder}")
            }
            _ => "another process".to_owned(),
        };
        let folder = self.0.display();
        Error::conflict("role-taken", format!("{holder} already plays the role {role} on {folder}"))
            .help("stop that process first, or name another folder with --state")
    }
}

/// Writes a file that only its owner can read. It appears whole or not at all.
pub fn write_private(path: &Path, text: &str) -> Result<()> {
    let unfinished = path.with_extension("unfinished");
    let write = || -> io::Result<()> {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, path)
    };
    write().map_err(|cause| unusable(path, &cause))
}

fn unusable(path: &Path, cause: &io::Error) -> Error {
    let what = match cause.kind() {
        io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        io::ErrorKind::PermissionDenied => "this user may not".to_owned(),
        _ => cause.to_string(),
    };
    Error::unavailable("state-folder", format!("{} cannot be used: {what}", path.display()))
        .help("name a folder that this user can write to with --state")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_process_for_a_role_is_told_of_the_first() -> Result<()> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let state = StateFolder::open(folder.path())?;
        let lock = state.take(Role::Accounts)?;
        let error = state.take(Role::Accounts).err();
        let told = format!("process {} already plays the role accounts", std::process::id());
        assert!(error.is_some_and(|error| error.public().contains(&told)));
        state.take(Role::Gateway)?;
        drop(lock);
        state.take(Role::Accounts).map(|_| ())
    }

    #[test]
    fn a_private_file_is_for_its_owner_only() -> Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let path = folder.path().join("code");
        write_private(&path, "x")?;
        let mode = fs::metadata(&path).map_err(Error::internal)?.permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        Ok(())
    }
}
