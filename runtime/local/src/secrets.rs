//! The keys that open tools' secrets: in a file of the state folder that only root reads. Nobody else has them.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use hearth_base::{Error, OpeningKeys, Result, Secret};

use crate::{disk, failure::Doing};

/// Reads the keys, and makes the first one at the first start, or where somebody has emptied the file. To change keys, a
/// new one is put in front. Where tools `have_run` they may have secrets: keys that are lost are not replaced unasked.
pub fn open(path: &Path, have_run: bool) -> Result<OpeningKeys> {
    let is_empty = fs::metadata(path).is_ok_and(|file| file.len() == 0);
    match read(path) {
        Err(error) if is_empty || error.kind() == io::ErrorKind::NotFound && !have_run => {
            let keys = OpeningKeys::generate()?;
            make(path, &keys.to_text()).doing(format_args!("making {}", path.display()))?;
            Ok(keys)
        }
        Err(error) => Err(Error::unavailable("secret-keys", format!("{} cannot be used", path.display()))
            .help(
                "put it back from its copy: without it no secret opens; where there is none, make it an empty file, and \
                 have all secrets set anew",
            )
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
        let made = open(&path, false)?.sealing()?;
        assert_eq!(open(&path, true)?.sealing()?, made);
        let mode = fs::metadata(&path).map_err(Error::internal)?.permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(&path, "not a key").map_err(Error::internal)?;
        let refused = |have_run| open(&path, have_run).err().map(|error| error.code().to_owned());
        assert_eq!(
            refused(false).as_deref(),
            Some("secret-keys"),
            "no new key takes the place of a spoilt one"
        );
        fs::remove_file(&path).map_err(Error::internal)?;
        assert_eq!(refused(true).as_deref(), Some("secret-keys"), "nor that of one that is lost");
        fs::write(&path, "").map_err(Error::internal)?;
        assert_ne!(open(&path, true)?.sealing()?, made, "but where somebody wants it so");
        Ok(())
    }
}
