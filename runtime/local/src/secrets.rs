//! Keys that open tools' secrets, in a file of the state folder that only root can read.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use hearth_base::{Error, OpeningKeys, Result, Secret};

use crate::{host_error::HostErrorContext, state_files};

/// Reads the keys. Generates the first key at the first start, or when an operator has emptied the file. The
/// first key of the file is the current one. If tools `have_run`, secrets may exist, so a missing file is an
/// error (`secret-keys`) and no new key is generated.
pub fn open_keys(path: &Path, have_run: bool) -> Result<OpeningKeys> {
    let is_empty = fs::metadata(path).is_ok_and(|file| file.len() == 0);
    match read_keys(path) {
        Err(error) if is_empty || error.kind() == io::ErrorKind::NotFound && !have_run => {
            let keys = OpeningKeys::generate()?;
            write_new_file(path, &keys.to_text()).with_context(format_args!("making {}", path.display()))?;
            Ok(keys)
        }
        Err(error) => Err(Error::unavailable("secret-keys", format!("{} is missing or invalid", path.display()))
            .help(
                "restore it from its copy: no secret can be opened without it; if there is no copy, replace it by an \
                 empty file and set all secrets again",
            )
            .with_cause(error)),
        Ok(keys) => Ok(keys),
    }
}

/// Reads the keys.
pub fn read_keys(path: &Path) -> io::Result<OpeningKeys> {
    let text = Secret::new(fs::read_to_string(path)?);
    OpeningKeys::from_text(&text)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))
}

fn write_new_file(path: &Path, text: &Secret) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(text.expose_secret().as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    state_files::sync_parent_folder(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn first_start_makes_a_key_readable_by_root_only_and_later_starts_keep_it() -> Result<()> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let path = folder.path().join("secrets.keys");
        let first_key = open_keys(&path, false)?.sealing_key()?;
        assert_eq!(open_keys(&path, true)?.sealing_key()?, first_key);
        let mode = fs::metadata(&path).map_err(Error::internal)?.permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(&path, "not a key").map_err(Error::internal)?;
        let refused = |have_run| open_keys(&path, have_run).err().map(|error| error.code().to_owned());
        assert_eq!(refused(false).as_deref(), Some("secret-keys"), "an invalid key is not replaced");
        fs::remove_file(&path).map_err(Error::internal)?;
        assert_eq!(refused(true).as_deref(), Some("secret-keys"), "a missing key is not replaced");
        fs::write(&path, "").map_err(Error::internal)?;
        assert_ne!(open_keys(&path, true)?.sealing_key()?, first_key, "an empty file is replaced");
        Ok(())
    }
}
