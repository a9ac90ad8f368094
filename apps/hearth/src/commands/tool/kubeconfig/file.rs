//! The file that a kubeconfig is written to: made ready first, and never put over another one unasked.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

use hearth_base::{Error, Result, ToolName};

use super::content;
use crate::{settings::Server, trouble::why, words::quoted};

/// A file that waits for its content.
pub struct Target {
    path: PathBuf,
    replaces: bool,
    changes: Vec<String>,
    file: tempfile::NamedTempFile,
}

impl Target {
    /// Makes ready to write to `path`; refused when there is a file and not `force`.
    pub fn open(path: PathBuf, force: bool, tool: &ToolName, server: &Server) -> Result<Self> {
        let refused = |cause: io::Error| {
            Error::invalid("output-file", format!("{} cannot be written: {}", path.display(), why(&cause)))
        };
        let old = match fs::read(&path) {
            Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => None,
            Err(cause) => return Err(refused(cause)),
        };
        let changes = match &old {
            Some(old) => content::changes(old, tool, server)?,
            None => Vec::new(),
        };
        if old.is_some() && !force {
            let name = quoted(&path.display().to_string());
            let mut error = Error::conflict("file-exists", format!("{name} exists, and was left as it is"));
            if !changes.is_empty() {
                error = error.also("It would change in this:");
            }
            let error = changes.into_iter().fold(error, Error::also);
            return Err(error.help(format!("hearth tool kubeconfig {tool} --output {name} --force")));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        // Only this user can read what is made so.
        let file = tempfile::Builder::new().prefix(".kubeconfig-").tempfile_in(folder).map_err(refused)?;
        Ok(Self { path, replaces: old.is_some(), changes, file })
    }

    /// Where it will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What changes in the file that is there, a line each.
    pub fn changes(&self) -> impl Iterator<Item = &str> {
        self.changes.iter().map(String::as_str)
    }

    /// Writes `text` and puts the file in its place.
    pub fn keep(self, text: &str) -> Result<()> {
        let Self { path, replaces, changes: _, mut file } = self;
        let refused = |cause: io::Error| {
            Error::invalid("output-file", format!("{} cannot be written: {}", path.display(), why(&cause)))
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
        let open = |force| Target::open(path.clone(), force, &"dup-finder".parse()?, &Server::here());
        open(false)?.keep("first")?;
        let error = open(false).err();
        assert_eq!(error.as_ref().map(|error| error.code()), Some("file-exists"));
        assert!(error.and_then(|error| error.next().map(|next| next.ends_with("--force"))).unwrap_or(false));
        open(true)?.keep("second")?;
        assert_eq!(fs::read_to_string(&path).ok().as_deref(), Some("second"));
        Ok(())
    }
}
