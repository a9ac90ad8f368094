//! Output files of commands. A file with other content is replaced only with `--yes`.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use hearth_base::{Error, Result};

use crate::{context::CommandContext, io_error::describe_io_error};

/// The users who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileReaders {
    /// As the umask allows.
    Default,
    /// Only its owner, even if others could read the replaced file.
    Owner,
}

/// Returns true if `file` does not have this content and access yet. Refuses to replace other content without
/// `--yes`.
pub fn needs_write(cx: &CommandContext, file: &Path, text: &str, readers: FileReaders) -> Result<bool> {
    let open = |file: &Path| fs::metadata(file).is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0);
    match fs::read_to_string(file) {
        Ok(known) if known == text => Ok(readers == FileReaders::Owner && open(file)),
        Ok(_) if !cx.assume_yes => {
            let public = format!("{} exists with other content", file.display());
            Err(Error::conflict("file-exists", public).help(cx.command_line.with_argument("--yes")))
        }
        Err(cause) if cause.kind() != io::ErrorKind::NotFound && !cx.assume_yes => {
            Err(build_write_error(file, &cause))
        }
        Ok(_) | Err(_) => Ok(true),
    }
}

/// Writes the file with the read access `readers`.
pub fn write_file(file: &Path, text: &str, readers: FileReaders) -> Result<()> {
    let written = match readers {
        FileReaders::Default => fs::write(file, text),
        FileReaders::Owner => write_private(file, text),
    };
    written.map_err(|cause| build_write_error(file, &cause))
}

/// Replaces the file with a new one, which only its owner can read from its creation on.
fn write_private(file: &Path, text: &str) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(text.as_bytes())?;
    new.persist(file)?;
    Ok(())
}

fn build_write_error(file: &Path, cause: &io::Error) -> Error {
    Error::invalid("out-file", format!("{} cannot be written: {}", file.display(), describe_io_error(cause)))
}
