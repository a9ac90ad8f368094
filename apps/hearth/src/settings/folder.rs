//! The folder that a command is given in, and the file that links it to a tool.
//!
//! `hearth.yaml` belongs to the user: it is made once, read often, and never rewritten.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

use hearth_base::{Error, Result, ToolName};
use serde::Deserialize;

use crate::{platform, trouble::why};

/// The name of the file that links a folder to a tool.
pub const FILE: &str = "hearth.yaml";

/// No file that links a folder is larger.
const LARGEST: u64 = 1 << 20;

/// The folder that a command is given in.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    home: Option<PathBuf>,
}

/// A folder's tool, and the file that says so.
#[derive(Debug, Clone)]
pub struct Link {
    /// The tool.
    pub tool: ToolName,
    /// The file.
    pub path: PathBuf,
}

/// What this program reads of the file; the rest belongs to other commands.
#[derive(Deserialize)]
struct Content {
    tool: Option<String>,
}

impl Folder {
    /// The current folder. Files are looked for in it and above it, up to `home` or the root.
    pub fn current(home: Option<PathBuf>) -> Result<Self> {
        let path = std::env::current_dir().map_err(|cause| {
            Error::invalid("current-folder", format!("the current folder cannot be read: {}", why(&cause)))
                .help("cd to a folder that exists")
        })?;
        Ok(Self { path, home })
    }

    /// Another folder, seen from this one.
    pub fn below(&self, path: &Path) -> Result<Self> {
        let refused = |cause: io::Error| {
            Error::invalid("no-folder", format!("{} is no folder to go to: {}", path.display(), why(&cause)))
                .help("name a folder, or the address of a git repository")
        };
        let path = fs::canonicalize(self.path.join(path)).map_err(refused)?;
        Ok(Self { path, home: self.home.clone() })
    }

    /// Its own name, for proposals.
    pub fn name(&self) -> Option<String> {
        Some(self.path.file_name()?.to_string_lossy().into_owned())
    }

    /// Where the file that links it would be.
    pub fn link_path(&self) -> PathBuf {
        self.path.join(FILE)
    }

    /// What the nearest file says, here or above.
    pub fn link(&self) -> Result<Option<Link>> {
        for folder in self.path.ancestors() {
            if let Some(link) = read(&folder.join(FILE))? {
                return Ok(Some(link));
            }
            if self.home.as_deref() == Some(folder) {
                break;
            }
        }
        Ok(None)
    }

    /// What the file in this very folder says; an error when there is one that names no tool.
    pub fn own_link(&self) -> Result<Option<Link>> {
        let path = self.link_path();
        match (read(&path)?, path.symlink_metadata()) {
            (Some(link), _) => Ok(Some(link)),
            (None, Err(cause)) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
            (None, _) => Err(Error::conflict("folder-file", format!("{} names no tool", path.display()))
                .help(format!("add a line to {FILE}: tool: NAME"))),
        }
    }

    /// Refuses to link a folder that holds more than one tool's files: the root, and the user's home.
    pub fn check_own(&self, tool: &ToolName) -> Result<()> {
        let home = self.home.as_deref().and_then(|home| fs::canonicalize(home).ok());
        let here = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let (why, folder) = if here.parent().is_none() {
            ("it holds everything", format!("~/{tool}"))
        } else if home.is_some_and(|home| home == here) {
            ("it is your home", tool.to_string())
        } else {
            return Ok(());
        };
        let sentence = format!("{} is no folder of one tool: {why}", here.display());
        Err(Error::invalid("folder-too-large", sentence)
            .also("Every folder in it would be linked too; nothing was changed.")
            .help(format!("mkdir {folder} && cd {folder} && hearth new {tool}")))
    }

    /// Makes everything ready for [`NewLink::keep`], so that it cannot be refused later for want of rights.
    pub fn prepare_link(&self, tool: &ToolName) -> Result<NewLink> {
        let path = self.link_path();
        let mut builder = tempfile::Builder::new();
        builder.prefix(".hearth-");
        let access = platform::ordinary_access();
        if let Some(access) = access {
            builder.permissions(access);
        }
        let refused = |cause: io::Error| {
            Error::invalid("folder-file", format!("{} cannot be written: {}", path.display(), why(&cause)))
                .help("cd to a folder of your own")
        };
        let mut file = builder.tempfile_in(&self.path).map_err(refused)?;
        file.write_all(format!("tool: {tool}\n").as_bytes()).map_err(refused)?;
        Ok(NewLink { file, path })
    }
}

/// A link that waits to be put in its place.
pub struct NewLink {
    file: tempfile::NamedTempFile,
    path: PathBuf,
}

impl NewLink {
    /// Puts the file in its place, unless there is one by now.
    pub fn keep(self) -> Result<()> {
        let Self { file, path } = self;
        file.persist_noclobber(&path).map(drop).map_err(|refused| {
            let cause = refused.error;
            Error::invalid("folder-file", format!("{} cannot be written: {}", path.display(), why(&cause)))
        })
    }
}

fn read(path: &Path) -> Result<Option<Link>> {
    let refused = |why: &str| {
        Error::invalid("folder-file", format!("{} cannot be read: {why}", path.display()))
            .help(format!("put it right: its first line can be tool: NAME ({})", path.display()))
    };
    match fs::metadata(path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(refused(&why(&cause))),
        Ok(about) if about.len() > LARGEST => return Err(refused("it is larger than 1 MB")),
        Ok(_) => {}
    }
    let text = fs::read_to_string(path).map_err(|cause| refused(&why(&cause)))?;
    let content: Option<Content> =
        serde_saphyr::from_str(&text).map_err(|cause| refused(first_line(&cause.to_string())))?;
    let Some(tool) = content.and_then(|content| content.tool) else { return Ok(None) };
    let tool = tool.parse().map_err(|error: Error| refused(error.public()))?;
    Ok(Some(Link { tool, path: path.to_owned() }))
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or(text).trim_start_matches("error: ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn below(folder: &Path, path: &str) -> Folder {
        Folder { path: folder.join(path), home: Some(folder.to_owned()) }
    }

    #[test]
    fn the_nearest_file_above_decides_and_nothing_above_home_does() -> io::Result<()> {
        let outer = tempfile::tempdir()?;
        let home = outer.path().join("h");
        fs::create_dir_all(home.join("a/b"))?;
        fs::write(outer.path().join(FILE), "tool: above-home\n")?;
        assert!(below(&home, "a/b").link().is_ok_and(|link| link.is_none()));
        fs::write(home.join("a").join(FILE), "# mine\ntool: outer\ncomponents: {}\n")?;
        let name = |folder: &Folder| folder.link().ok().flatten().map(|link| link.tool.to_string());
        assert_eq!(name(&below(&home, "a/b")).as_deref(), Some("outer"));
        fs::write(home.join("a/b").join(FILE), "tool: inner\n")?;
        assert_eq!(name(&below(&home, "a/b")).as_deref(), Some("inner"));
        Ok(())
    }

    #[test]
    fn a_file_that_cannot_be_understood_is_named() -> io::Result<()> {
        let home = tempfile::tempdir()?;
        for text in ["tool: [", "tool: Not A Name", "tool: {a: b}"] {
            fs::write(home.path().join(FILE), text)?;
            let error = below(home.path(), "").link().err();
            assert!(error.is_some_and(|error| error.public().contains(FILE)), "{text}");
        }
        fs::write(home.path().join(FILE), "# nothing yet\n")?;
        assert!(below(home.path(), "").link().is_ok_and(|link| link.is_none()));
        assert!(below(home.path(), "").own_link().is_err());
        Ok(())
    }

    #[test]
    fn neither_the_root_nor_the_home_is_a_tools_folder() -> Result<()> {
        let home = tempfile::tempdir().map_err(Error::internal)?;
        fs::create_dir(home.path().join("a")).map_err(Error::internal)?;
        let tool = "dup-finder".parse()?;
        assert!(below(home.path(), "a").check_own(&tool).is_ok());
        for (large, better) in [("", "dup-finder"), ("a/..", "dup-finder"), ("/", "~/dup-finder")] {
            let error = below(home.path(), large).check_own(&tool).err();
            assert_eq!(error.as_ref().map(Error::code), Some("folder-too-large"));
            let next = format!("mkdir {better} && cd {better} && hearth new dup-finder");
            assert_eq!(error.as_ref().and_then(|error| error.next()), Some(next.as_str()));
        }
        Ok(())
    }

    #[test]
    fn a_new_link_never_replaces_a_file() -> Result<()> {
        let home = tempfile::tempdir().map_err(Error::internal)?;
        let (folder, tool) = (below(home.path(), ""), "dup-finder".parse()?);
        let (first, second) = (folder.prepare_link(&tool)?, folder.prepare_link(&tool)?);
        first.keep()?;
        assert!(second.keep().is_err());
        assert_eq!(folder.own_link()?.map(|link| link.tool), Some(tool));
        Ok(())
    }
}
