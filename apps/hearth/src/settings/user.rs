//! The user's credentials file: a token for each server, and the current server.
//!
//! Only the user can read it. It is replaced as a whole, so that a crash leaves the old content.

use std::{
    collections::BTreeMap,
    fs, io,
    io::{Read, Write},
    path::{Path, PathBuf},
};

use hearth_base::{Error, Result, Secret};
use serde::{Deserialize, Serialize};

use super::ServerAddress;
use crate::{io_error::describe_io_error, platform};

/// The credentials file, with its path.
#[derive(Debug)]
pub struct UserFile {
    path: Option<PathBuf>,
    content: UserFileContent,
    is_readable_by_others: bool,
}

/// The credentials for one server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ServerEntry {
    /// The user that the token belongs to.
    pub user: String,
    /// The token.
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub token: Secret,
    /// True when `hearth login` created the token for this file, so that it may be revoked when it is
    /// replaced.
    #[serde(default)]
    pub own: bool,
    /// Secret of this device, with which sign-ins are not locked by the failed ones of others.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "serialize_device")]
    pub device: Option<Secret>,
    /// Fields of newer versions of this program.
    #[serde(flatten)]
    pub rest: toml::Table,
}

fn serialize_device<S: serde::Serializer>(device: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_some(&device.as_ref().map(Secret::expose_secret))
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct UserFileContent {
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<ServerAddress>,
    #[serde(default)]
    servers: BTreeMap<ServerAddress, ServerEntry>,
    #[serde(flatten)]
    rest: toml::Table,
}

impl UserFile {
    /// Reads the file; one that does not exist is empty.
    pub fn read(path: Option<PathBuf>) -> Result<Self> {
        let Some(path) = path else {
            return Ok(Self {
                path: None,
                content: UserFileContent::default(),
                is_readable_by_others: false,
            });
        };
        let refused = |why: &str| {
            Error::invalid("user-file", format!("{} cannot be read: {why}", path.display()))
                .help(format!("correct it, or remove it and sign in again: {}", path.display()))
        };
        let mut file = match fs::File::open(&path) {
            Err(cause) if matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(Self {
                    path: Some(path),
                    content: UserFileContent::default(),
                    is_readable_by_others: false,
                });
            }
            opened => opened.map_err(|cause| refused(&describe_io_error(&cause)))?,
        };
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(|cause| refused(&describe_io_error(&cause)))?;
        let open =
            platform::is_readable_by_others(&file).map_err(|cause| refused(&describe_io_error(&cause)))?;
        // The parser's message is not shown: it would quote the line, and with it a token.
        let content = toml::from_str(&text).map_err(|_| refused("it is not a valid credentials file"))?;
        Ok(Self { path: Some(path), content, is_readable_by_others: open })
    }

    /// The path of the file, empty when this user has no home.
    pub fn path(&self) -> &Path {
        self.path.as_deref().unwrap_or(Path::new(""))
    }

    /// Returns true when other users of this machine can read the file.
    pub fn is_readable_by_others(&self) -> bool {
        self.is_readable_by_others
    }

    /// The current server.
    pub fn current_server(&self) -> Option<&ServerAddress> {
        self.content.server.as_ref()
    }

    /// Finds the entry of `server`.
    pub fn find_entry(&self, server: &ServerAddress) -> Option<&ServerEntry> {
        self.content.servers.get(server)
    }

    /// Saves `entry` and makes `server` the current one.
    pub fn save_entry(&self, server: &ServerAddress, entry: ServerEntry) -> Result<()> {
        let mut content = self.content.clone();
        content.server = Some(server.clone());
        content.servers.insert(server.clone(), entry);
        self.write(&content)
    }

    /// Removes the entry of `server`, which stays the current one for the next login.
    pub fn remove_entry(&self, server: &ServerAddress) -> Result<()> {
        let mut content = self.content.clone();
        content.servers.remove(server);
        self.write(&content)
    }

    /// Checks in advance that [`save_entry`](Self::save_entry) can write the file.
    pub fn check_writable(&self) -> Result<()> {
        self.create_sibling_file().map(drop)
    }

    fn write(&self, content: &UserFileContent) -> Result<()> {
        let text = toml::to_string(content).map_err(Error::internal)?;
        let (target, mut file) = self.create_sibling_file()?;
        let refused = |cause: io::Error| build_write_error(&target, &cause);
        file.write_all(b"# Written by hearth login. Anyone who can read this file has your rights.\n\n")
            .map_err(refused)?;
        file.write_all(text.as_bytes()).map_err(refused)?;
        file.as_file().sync_all().map_err(refused)?;
        file.persist(&target).map(drop).map_err(|error| refused(error.error))
    }

    /// Creates a private temporary file beside the one that it will replace.
    fn create_sibling_file(&self) -> Result<(PathBuf, tempfile::NamedTempFile)> {
        let path = self.path.as_deref().ok_or_else(|| {
            Error::invalid("no-home", "this user has no home folder for the token")
                .help("set HEARTH_TOKEN, or HOME")
        })?;
        // A symbolic link stays: the file that it points to is replaced.
        let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let refused = |cause: io::Error| build_write_error(&target, &cause);
        let folder = target.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(folder).map_err(refused)?;
        let file = tempfile::Builder::new().prefix(".credentials-").tempfile_in(folder).map_err(refused)?;
        Ok((target, file))
    }
}

fn build_write_error(path: &Path, cause: &io::Error) -> Error {
    Error::invalid("user-file", format!("{} cannot be written: {}", path.display(), describe_io_error(cause)))
        .help("make the folder writable, or set XDG_CONFIG_HOME to another one")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build_entry(user: &str) -> ServerEntry {
        ServerEntry {
            user: user.to_owned(),
            token: Secret::new("t0ken"),
            own: true,
            device: None,
            rest: toml::Table::new(),
        }
    }

    #[test]
    fn saved_entry_is_read_back_until_it_is_removed() -> Result<()> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let path = folder.path().join("new").join("credentials.toml");
        let read = || UserFile::read(Some(path.clone()));
        let (local, remote) = (ServerAddress::local_default(), "https://hearth.example.org".parse()?);
        read()?.save_entry(&local, build_entry("alice"))?;
        read()?.save_entry(&remote, build_entry("bob"))?;
        assert_eq!(read()?.current_server(), Some(&remote));
        assert_eq!(read()?.find_entry(&local).map(|entry| entry.user.clone()).as_deref(), Some("alice"));
        assert!(!read()?.is_readable_by_others());
        read()?.remove_entry(&remote)?;
        assert!(read()?.find_entry(&remote).is_none() && read()?.find_entry(&local).is_some());
        Ok(())
    }

    #[test]
    fn fields_of_newer_versions_are_preserved() -> Result<()> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let path = folder.path().join("credentials.toml");
        let text = "later = 1\n[servers.\"http://localhost:8080\"]\nuser = \"a\"\ntoken = \"t\"\nmore = 2\n";
        fs::write(&path, text).map_err(Error::internal)?;
        UserFile::read(Some(path.clone()))?.save_entry(&"https://x.org".parse()?, build_entry("b"))?;
        let text = fs::read_to_string(&path).map_err(Error::internal)?;
        assert!(text.contains("later = 1") && text.contains("more = 2"), "{text}");
        Ok(())
    }

    #[test]
    fn invalid_file_is_not_quoted() -> Result<()> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let path = folder.path().join("credentials.toml");
        fs::write(&path, "token = s3cret\n").map_err(Error::internal)?;
        let error = UserFile::read(Some(path)).err();
        assert!(error.is_some_and(|error| !format!("{error:?}").contains("s3cret")));
        Ok(())
    }
}
