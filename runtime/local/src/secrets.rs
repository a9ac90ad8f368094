//! The keys that open tools' secrets: in a file of the state folder that only root reads. Nobody else has them.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use hearth_base::{Error, OpeningKeys, Result, Secret};

use crate::{disk, failure::Doing};

/// Reads the keys, and makes the first one at the first start. To change keys, a new one is put in front.
pub fn open(path: &Path) -> Result<OpeningKeys> {
    match read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let keys = OpeningKeys::generate()?;
            make(path, &keys.to_text()).doing(format_args!("making {}", path.display()))?;
            Ok(keys)
        }
        Err(error) => Err(Error::unavailable("secret-keys", format!("{} cannot be used", path.display()))
            .help("put it back from where the state folder's keys are kept: without it no secret opens")
            .because(error)),
        Ok(keys) => Ok(keys),
    }
}

/// Reads the keys.
pub fn read(path: &Path) -> io::Result<OpeningKeys> {
    let text = Secret::new(fs::read_to_string(path)?);
    OpeningKeys::from_text(&text)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))
}

fn make(path: &Path, text: &Secret) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(text.reveal().as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    disk::sync_folder(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_first_start_makes_a_key_for_root_only_and_the_next_ones_keep_it() -> Result<()> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let path = folder.path().join("secrets.keys");
        let made = open(&path)?.sealing()?;
        assert_eq!(open(&path)?.sealing()?, made);
        let mode = fs::metadata(&path).map_err(Error::internal)?.permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(&path, "not a key").map_err(Error::internal)?;
        assert_eq!(
            open(&path).unwrap_err().code(),
            "secret-keys",
            "no new key takes the place of a spoilt one"
        );
        Ok(())
    }
}
