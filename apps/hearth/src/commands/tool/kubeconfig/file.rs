//! The output file of a kubeconfig: prepared before the token is created, and never replaced without
//! `--force`.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

use hearth_base::{Error, Result, ToolName};

use super::content;
use crate::{command_line::quote_argument, io_error::describe_io_error, settings::ServerAddress};

/// A prepared file without its content.
pub struct KubeconfigFile {
    path: PathBuf,
    replaces: bool,
    changes: Vec<String>,
    file: tempfile::NamedTempFile,
}

impl KubeconfigFile {
    /// Prepares to write to `path`; refuses to replace a file without `force`.
    pub fn open(path: PathBuf, force: bool, tool: &ToolName, server: &ServerAddress) -> Result<Self> {
        let refused = |cause: io::Error| {
            Error::invalid(
                "output-file",
                format!("{} cannot be written: {}", path.display(), describe_io_error(&cause)),
            )
        };
        let old = match fs::read(&path) {
            Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => None,
            Err(cause) => return Err(refused(cause)),
        };
        let changes = match &old {
            Some(old) => content::list_changes(old, tool, server)?,
            None => Vec::new(),
        };
        if old.is_some() && !force {
            let name = quote_argument(&path.display().to_string());
            let mut error = Error::conflict("file-exists", format!("{name} exists and was not changed"));
            if !changes.is_empty() {
                error = error.and_message("--force would change:");
            }
            let error = changes.into_iter().fold(error, Error::and_message);
            return Err(error.help(format!("hearth tool kubeconfig {tool} --output {name} --force")));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        // A temporary file is private to this user.
        let file = tempfile::Builder::new().prefix(".kubeconfig-").tempfile_in(folder).map_err(refused)?;
        Ok(Self { path, replaces: old.is_some(), changes, file })
    }

    /// Returns the final path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Iterates over the changes to the existing file, a line each.
    pub fn changes(&self) -> impl Iterator<Item = &str> {
        self.changes.iter().map(String::as_str)
    }

    /// Writes `text` and moves the file to its path.
    pub fn persist_file(self, text: &str) -> Result<()> {
        let Self { path, replaces, changes: _, mut file } = self;
        let refused = |cause: io::Error| {
            Error::invalid(
                "output-file",
                format!("{} cannot be written: {}", path.display(), describe_io_error(&cause)),
            )
        };
        file.write_all(text.as_bytes()).map_err(refused)?;
        file.as_file().sync_all().map_err(refused)?;
        let kept = if replaces { file.persist(&path) } else { file.persist_noclobber(&path) };
        kept.map(drop).map_err(|error| refused(error.error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_only_by_force_and_then_completely() -> Result<()> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let path = folder.path().join("config");
        let open = |force| {
            KubeconfigFile::open(path.clone(), force, &"dup-finder".parse()?, &ServerAddress::local_default())
        };
        open(false)?.persist_file("first")?;
        let error = open(false).err();
        assert_eq!(error.as_ref().map(|error| error.code()), Some("file-exists"));
        assert!(
            error.and_then(|error| error.help_text().map(|next| next.ends_with("--force"))).unwrap_or(false)
        );
        open(true)?.persist_file("second")?;
        assert_eq!(fs::read_to_string(&path).ok().as_deref(), Some("second"));
        Ok(())
    }
}
