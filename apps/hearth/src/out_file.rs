//! Files that commands write what they found to: one that says something else is replaced only with `--yes`.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use hearth_base::{Error, Result};

use crate::{context::Context, trouble::why};

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Whom the process's mask lets.
    Usual,
    /// Its owner alone, whoever could read the one before.
    Owner,
}

/// Whether a file is to be written so that it says this; refused when that takes a `--yes`.
pub fn is_news(cx: &Context, file: &Path, text: &str, readers: Readers) -> Result<bool> {
    let open = |file: &Path| fs::metadata(file).is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0);
    match fs::read_to_string(file) {
        Ok(known) if known == text => Ok(readers == Readers::Owner && open(file)),
        Ok(_) if !cx.yes => {
            let public = format!("{} is there and says something else", file.display());
            Err(Error::conflict("file-exists", public).help(cx.words.and("--yes")))
        }
        Err(cause) if cause.kind() != io::ErrorKind::NotFound && !cx.yes => Err(refused(file, &cause)),
        Ok(_) | Err(_) => Ok(true),
    }
}

/// Writes it.
pub fn write(file: &Path, text: &str, readers: Readers) -> Result<()> {
    let written = match readers {
        Readers::Usual => fs::write(file, text),
        Readers::Owner => write_private(file, text),
    };
    written.map_err(|cause| refused(file, &cause))
}

/// Puts a new file in the place: from its first byte on it is for its owner alone.
fn write_private(file: &Path, text: &str) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(text.as_bytes())?;
    new.persist(file)?;
    Ok(())
}

fn refused(file: &Path, cause: &io::Error) -> Error {
    Error::invalid("out-file", format!("{} cannot be written: {}", file.display(), why(cause)))
}
