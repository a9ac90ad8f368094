//! The state folder: all data that must outlive a process.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use hearth_base::{Error, Result, Role};

/// Name of the file with the code by which the first operator signs in.
pub const SETUP_CODE_FILE: &str = "setup-code";

/// Mode of a new folder.
const PRIVATE_FOLDER_MODE: u32 = 0o700;

/// The state folder of one Hearth.
#[derive(Debug, Clone)]
pub struct StateFolder(PathBuf);

/// Lock that this process holds while it runs a role on a state folder. Dropping it releases the role.
#[derive(Debug)]
pub struct RoleLock(#[expect(dead_code, reason = "the open file is the lock")] File);

impl StateFolder {
    /// Opens the folder and creates the missing subfolders, all closed to other users.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let folder = Self(path.into());
        for inner in [
            folder.0.clone(),
            folder.keys_folder(),
            folder.databases_folder(),
            folder.blobs_folder(),
            folder.run_folder(),
        ] {
            let made = DirBuilder::new().recursive(true).mode(PRIVATE_FOLDER_MODE).create(&inner);
            made.and_then(|()| close_to_others(&inner))
                .map_err(|cause| build_folder_error(&inner, &cause))?;
        }
        Ok(folder)
    }

    /// No folder: for inspecting a service without running it.
    pub fn without_folder() -> Self {
        Self(PathBuf::new())
    }

    /// Path of the folder.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Folder of the roles' keys.
    pub fn keys_folder(&self) -> PathBuf {
        self.0.join("keys")
    }

    /// Folder of the SQLite databases.
    pub fn databases_folder(&self) -> PathBuf {
        self.0.join("db")
    }

    /// Folder of the blob store.
    pub fn blobs_folder(&self) -> PathBuf {
        self.0.join("blobs")
    }

    /// Reads an identity of the folder that is unique among all hosts until the host reboots: the host's boot id
    /// (`random(4)`), device and inode number. A copy of the folder, or of the machine's disk, has another identity.
    pub fn read_folder_id(&self) -> Result<String> {
        let boot = Path::new("/proc/sys/kernel/random/boot_id");
        let id = fs::read_to_string(boot).map_err(|cause| build_folder_error(boot, &cause))?;
        let folder = fs::metadata(&self.0).map_err(|cause| build_folder_error(&self.0, &cause))?;
        Ok(format!("{} {}:{}", id.trim(), folder.dev(), folder.ino()))
    }

    /// True when there is no folder.
    pub fn is_absent(&self) -> bool {
        self.0.as_os_str().is_empty()
    }

    /// Folder of locks and other files that are only valid while a process runs.
    pub fn run_folder(&self) -> PathBuf {
        self.0.join("run")
    }

    /// Path of the file with the code by which the first operator signs in.
    pub fn setup_code_path(&self) -> PathBuf {
        self.0.join(SETUP_CODE_FILE)
    }

    /// Locks a role for this process. Error `role-taken` (conflict) names the process that holds the role.
    pub fn lock_role(&self, role: Role) -> Result<RoleLock> {
        let path = self.run_folder().join(format!("{role}.lock"));
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|cause| build_folder_error(&path, &cause))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(self.build_role_taken_error(role, &mut file)),
            Err(fs::TryLockError::Error(cause)) => return Err(build_folder_error(&path, &cause)),
        }
        file.set_len(0)
            .and_then(|()| write!(file, "{}", std::process::id()))
            .map_err(|cause| build_folder_error(&path, &cause))?;
        Ok(RoleLock(file))
    }

    fn build_role_taken_error(&self, role: Role, file: &mut File) -> Error {
        let mut holder = String::new();
        let holder = match file.read_to_string(&mut holder) {
            Ok(_) if holder.bytes().all(|byte| byte.is_ascii_digit()) && !holder.is_empty() => {
                format!("process {holder}")
            }
            _ => "another process".to_owned(),
        };
        let folder = self.0.display();
        Error::conflict("role-taken", format!("the role {role} on {folder} is already run by {holder}"))
            .help("stop that process first, or name another folder with --state")
    }
}

/// Removes the permissions of other users from a folder of this process's user. A folder of another user stays as it
/// is: its owner decides.
fn close_to_others(folder: &Path) -> io::Result<()> {
    let meta = fs::metadata(folder)?;
    let mode = meta.mode() & 0o7777;
    if mode & 0o007 == 0 || meta.uid() != rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(mode & !0o007))
}

/// Writes a file with mode 0600, atomically: to a temporary file, then renamed.
pub fn write_private_file(path: &Path, text: &str) -> Result<()> {
    let unfinished = path.with_extension("unfinished");
    let write = || -> io::Result<()> {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, path)
    };
    write().map_err(|cause| build_folder_error(path, &cause))
}

fn build_folder_error(path: &Path, cause: &io::Error) -> Error {
    let what = match cause.kind() {
        io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => cause.to_string(),
    };
    Error::unavailable("state-folder", format!("{} cannot be used: {what}", path.display()))
        .help("name a folder that this user can write to with --state")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_process_for_a_role_is_refused_and_the_first_is_named() -> Result<()> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let state = StateFolder::open(folder.path())?;
        let lock = state.lock_role(Role::Accounts)?;
        let error = state.lock_role(Role::Accounts).err();
        let holder = format!("already run by process {}", std::process::id());
        assert!(error.is_some_and(|error| error.public_message().contains(&holder)));
        state.lock_role(Role::Gateway)?;
        drop(lock);
        state.lock_role(Role::Accounts).map(|_| ())
    }

    #[test]
    fn private_file_is_readable_by_its_owner_only() -> Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let path = folder.path().join("code");
        write_private_file(&path, "x")?;
        let mode = fs::metadata(&path).map_err(Error::internal)?.permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        Ok(())
    }

    #[test]
    fn state_folder_is_closed_to_other_users_also_when_it_was_open() -> Result<()> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let state = folder.path().join("new/state");
        let old = folder.path().join("old");
        fs::create_dir_all(old.join("db")).map_err(Error::internal)?;
        for path in [old.clone(), old.join("db")] {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).map_err(Error::internal)?;
        }
        for path in [state, old] {
            let state = StateFolder::open(&path)?;
            let inner =
                [state.keys_folder(), state.databases_folder(), state.blobs_folder(), state.run_folder()];
            for folder in inner.iter().chain([&path]) {
                let mode = fs::metadata(folder).map_err(Error::internal)?.mode();
                assert_eq!(mode & 0o007, 0, "{}: {mode:o}", folder.display());
            }
            // A new folder is never open, not even until its mode is changed.
            let made = fs::metadata(state.keys_folder()).map_err(Error::internal)?.mode();
            assert_eq!(made & 0o777, PRIVATE_FOLDER_MODE);
        }
        Ok(())
    }
}
