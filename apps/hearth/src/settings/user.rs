//! The user's own file: a token for each server, and which server is the current one.
//!
//! Only the user can read it. It is replaced as a whole, so that a crash leaves the old one.

use std::{
    collections::BTreeMap,
    fs, io,
    io::{Read, Write},
    path::{Path, PathBuf},
};

use hearth_base::{Error, Result, Secret};
use serde::{Deserialize, Serialize};

use super::Server;
use crate::{platform, trouble::why};

/// What the file says, and where it is.
#[derive(Debug)]
pub struct UserFile {
    path: Option<PathBuf>,
    content: Content,
    open: bool,
}

/// What is kept about one server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    /// Whose the token is.
    pub user: String,
    /// The token.
    #[serde(serialize_with = "Secret::expose")]
    pub token: Secret,
    /// Whether `hearth login` made the token for this file, so that nobody else uses it.
    #[serde(default)]
    pub own: bool,
    /// What newer versions of this program keep here.
    #[serde(flatten)]
    pub rest: toml::Table,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Content {
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<Server>,
    #[serde(default)]
    servers: BTreeMap<Server, Entry>,
    #[serde(flatten)]
    rest: toml::Table,
}

impl UserFile {
    /// Reads the file; one that does not exist is empty.
    pub fn read(path: Option<PathBuf>) -> Result<Self> {
        let Some(path) = path else {
            return Ok(Self { path: None, content: Content::default(), open: false });
        };
        let refused = |why: &str| {
            Error::invalid("user-file", format!("{} cannot be read: {why}", path.display()))
                .help(format!("put it right, or remove it and sign in again: {}", path.display()))
        };
        let mut file = match fs::File::open(&path) {
            Err(cause) if matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(Self { path: Some(path), content: Content::default(), open: false });
            }
            opened => opened.map_err(|cause| refused(&why(&cause)))?,
        };
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(|cause| refused(&why(&cause)))?;
        let open = platform::readable_by_others(&file).map_err(|cause| refused(&why(&cause)))?;
        // The parser's message is not shown: it would quote the line, and with it a token.
        let content = toml::from_str(&text).map_err(|_| refused("it is not what hearth wrote"))?;
        Ok(Self { path: Some(path), content, open })
    }

    /// Where it is. Empty when this user has no home.
    pub fn path(&self) -> &Path {
        self.path.as_deref().unwrap_or(Path::new(""))
    }

    /// Whether others on this machine can read it.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// The current server.
    pub fn server(&self) -> Option<&Server> {
        self.content.server.as_ref()
    }

    /// What is kept about `server`.
    pub fn entry(&self, server: &Server) -> Option<&Entry> {
        self.content.servers.get(server)
    }

    /// Keeps `entry` and makes `server` the current one.
    pub fn remember(&self, server: &Server, entry: Entry) -> Result<()> {
        let mut content = self.content.clone();
        content.server = Some(server.clone());
        content.servers.insert(server.clone(), entry);
        self.write(&content)
    }

    /// Forgets `server`. It stays the current one: whoever signs out often signs in again.
    pub fn forget(&self, server: &Server) -> Result<()> {
        let mut content = self.content.clone();
        content.servers.remove(server);
        self.write(&content)
    }

    /// Refuses now what [`remember`](Self::remember) would refuse later.
    pub fn check_writable(&self) -> Result<()> {
        self.beside().map(drop)
    }

    fn write(&self, content: &Content) -> Result<()> {
        let text = toml::to_string(content).map_err(Error::internal)?;
        let (target, mut file) = self.beside()?;
        let refused = |cause: io::Error| refused_writing(&target, &cause);
        file.write_all(b"# Written by hearth login. Whoever can read this file can do what you can do.\n\n")
            .map_err(refused)?;
        file.write_all(text.as_bytes()).map_err(refused)?;
        file.as_file().sync_all().map_err(refused)?;
        file.persist(&target).map(drop).map_err(|error| refused(error.error))
    }

    /// A new file, which only this user can read, beside the one that it will replace.
    fn beside(&self) -> Result<(PathBuf, tempfile::NamedTempFile)> {
        let path = self.path.as_deref().ok_or_else(|| {
            Error::invalid("no-home", "this user has no home folder to keep a token in")
                .help("set HEARTH_TOKEN, or HOME")
        })?;
        // A file that is kept elsewhere and linked here stays there.
        let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let refused = |cause: io::Error| refused_writing(&target, &cause);
        let folder = target.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(folder).map_err(refused)?;
        let file = tempfile::Builder::new().prefix(".credentials-").tempfile_in(folder).map_err(refused)?;
        Ok((target, file))
    }
}

fn refused_writing(path: &Path, cause: &io::Error) -> Error {
    Error::invalid("user-file", format!("{} cannot be written: {}", path.display(), why(cause)))
        .help("make the folder your own, or set XDG_CONFIG_HOME to one that is")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(user: &str) -> Entry {
        Entry { user: user.to_owned(), token: Secret::new("t0ken"), own: true, rest: toml::Table::new() }
    }

    #[test]
    fn what_is_remembered_is_read_back_until_it_is_forgotten() -> Result<()> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let path = folder.path().join("new").join("credentials.toml");
        let read = || UserFile::read(Some(path.clone()));
        let (here, there) = (Server::here(), "https://hearth.example.org".parse()?);
        read()?.remember(&here, entry("alice"))?;
        read()?.remember(&there, entry("bob"))?;
        assert_eq!(read()?.server(), Some(&there));
        assert_eq!(read()?.entry(&here).map(|entry| entry.user.clone()).as_deref(), Some("alice"));
        assert!(!read()?.is_open());
        read()?.forget(&there)?;
        assert!(read()?.entry(&there).is_none() && read()?.entry(&here).is_some());
        Ok(())
    }

    #[test]
    fn what_a_newer_version_wrote_is_kept() -> Result<()> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let path = folder.path().join("credentials.toml");
        let text = "later = 1\n[servers.\"http://localhost:8080\"]\nuser = \"a\"\ntoken = \"t\"\nmore = 2\n";
        fs::write(&path, text).map_err(Error::internal)?;
        UserFile::read(Some(path.clone()))?.remember(&"https://x.org".parse()?, entry("b"))?;
        let text = fs::read_to_string(&path).map_err(Error::internal)?;
        assert!(text.contains("later = 1") && text.contains("more = 2"), "{text}");
        Ok(())
    }

    #[test]
    fn a_broken_file_is_not_quoted() -> Result<()> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let path = folder.path().join("credentials.toml");
        fs::write(&path, "token = s3cret\n").map_err(Error::internal)?;
        let error = UserFile::read(Some(path)).err();
        assert!(error.is_some_and(|error| !format!("{error:?}").contains("s3cret")));
        Ok(())
    }
}
