//! The working folder of a command, and the file that links it to a tool.
//!
//! `hearth.yaml` belongs to the user: it is created once, read often, and rewritten only by
//! `hearth config set`, which shows the difference.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

use hearth_base::{Error, Result, ToolName};
use serde::Deserialize;

use crate::{io_error::describe_io_error, platform};

/// The name of the file that links a folder to a tool.
pub const LINK_FILE_NAME: &str = "hearth.yaml";

/// The maximum size of a link file.
const MAX_LINK_FILE_BYTES: u64 = 1 << 20;

/// A folder that can be linked to a tool, usually the working folder.
#[derive(Debug)]
pub struct LinkableFolder {
    path: PathBuf,
    home: Option<PathBuf>,
}

/// The tool of a folder, and the link file.
#[derive(Debug, Clone)]
pub struct FolderLink {
    /// The tool.
    pub tool: ToolName,
    /// The file.
    pub path: PathBuf,
}

/// The part of the link file that this program reads.
#[derive(Deserialize)]
struct LinkFileContent {
    tool: Option<String>,
}

impl LinkableFolder {
    /// Opens the current folder. Link files are searched in it and above it, up to `home` or the root.
    pub fn current_folder(home: Option<PathBuf>) -> Result<Self> {
        let path = std::env::current_dir().map_err(|cause| {
            Error::invalid(
                "current-folder",
                format!("the current folder cannot be read: {}", describe_io_error(&cause)),
            )
            .help("cd to a folder that exists")
        })?;
        Ok(Self { path, home })
    }

    /// Opens another folder by a path relative to this one.
    pub fn open_subfolder(&self, path: &Path) -> Result<Self> {
        let refused = |cause: io::Error| {
            Error::invalid(
                "no-folder",
                format!("{} cannot be opened: {}", path.display(), describe_io_error(&cause)),
            )
            .help("name a folder, or the address of a git repository")
        };
        let found = fs::canonicalize(self.path.join(path)).map_err(refused)?;
        if found.is_file() {
            return Err(Error::invalid(
                "no-folder",
                format!("{} is a file; expected a folder", path.display()),
            )
            .help(format!("name its folder: {}", path.parent().unwrap_or(path).display())));
        }
        Ok(Self { path: found, home: self.home.clone() })
    }

    /// Returns the folder's own name.
    pub fn folder_name(&self) -> Option<String> {
        Some(self.path.file_name()?.to_string_lossy().into_owned())
    }

    /// Returns the path of the folder's link file, which may not exist.
    pub fn link_path(&self) -> PathBuf {
        self.path.join(LINK_FILE_NAME)
    }

    /// Finds the nearest link file in this folder or above.
    pub fn find_link(&self) -> Result<Option<FolderLink>> {
        for folder in self.path.ancestors() {
            if let Some(link) = read_link_file(&folder.join(LINK_FILE_NAME))? {
                return Ok(Some(link));
            }
            if self.home.as_deref() == Some(folder) {
                break;
            }
        }
        Ok(None)
    }

    /// Reads the link file of this folder itself; an error when it names no tool.
    pub fn read_own_link(&self) -> Result<Option<FolderLink>> {
        let path = self.link_path();
        match (read_link_file(&path)?, path.symlink_metadata()) {
            (Some(link), _) => Ok(Some(link)),
            (None, Err(cause)) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
            (None, _) => Err(Error::conflict("folder-file", format!("{} names no tool", path.display()))
                .help(format!("add a line to {LINK_FILE_NAME}: tool: NAME"))),
        }
    }

    /// Refuses to link the root and home folders, which contain more than one tool's files.
    pub fn check_linkable(&self, tool: &ToolName) -> Result<()> {
        let Some(reason) = self.find_breadth() else { return Ok(()) };
        let folder =
            if self.resolve_path().parent().is_none() { format!("~/{tool}") } else { tool.to_string() };
        let sentence = format!("{} cannot be linked: {reason}", self.resolve_path().display());
        Err(Error::invalid("folder-too-large", sentence)
            .and_message("A link would apply to every folder in it; nothing was changed.")
            .help(format!("mkdir {folder} && cd {folder} && hearth new {tool}")))
    }

    /// Refuses to upload the root and home folders, whatever the flags: they contain private files.
    pub fn check_uploadable(&self) -> Result<()> {
        let Some(reason) = self.find_breadth() else { return Ok(()) };
        let sentence = format!("{} cannot be uploaded: {reason}", self.resolve_path().display());
        Err(Error::invalid("folder-too-large", sentence)
            .and_message("It contains more than the files of one tool; nothing was changed.")
            .help("cd to the folder of your tool, or give its path"))
    }

    fn resolve_path(&self) -> PathBuf {
        fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone())
    }

    /// Explains why the folder is more than the folder of a tool: the root, a home, or a folder above a home.
    fn find_breadth(&self) -> Option<&'static str> {
        let here = self.resolve_path();
        if here.parent().is_none() {
            return Some("it is the root");
        }
        if let Some(home) = self.home.as_deref().and_then(|home| fs::canonicalize(home).ok()) {
            if home == here {
                return Some("it is your home");
            }
            if home.starts_with(&here) {
                return Some("it contains your home");
            }
        }
        let homes = platform::list_home_folders().into_iter().filter_map(|home| fs::canonicalize(home).ok());
        homes
            .into_iter()
            .find(|home| home.parent().is_some() && home.starts_with(&here))
            .map(|home| if home == here { "it is somebody's home" } else { "it contains home folders" })
    }

    /// Writes a temporary file for [`PreparedLink::persist_link`], so that missing permissions are found
    /// before any change.
    pub fn prepare_link(&self, tool: &ToolName) -> Result<PreparedLink> {
        let path = self.link_path();
        let mut builder = tempfile::Builder::new();
        builder.prefix(".hearth-");
        let access = platform::default_permissions();
        if let Some(access) = access {
            builder.permissions(access);
        }
        let refused = |cause: io::Error| {
            Error::invalid(
                "folder-file",
                format!("{} cannot be written: {}", path.display(), describe_io_error(&cause)),
            )
            .help("cd to a folder of your own")
        };
        let mut file = builder.tempfile_in(&self.path).map_err(refused)?;
        file.write_all(format!("tool: {tool}\n").as_bytes()).map_err(refused)?;
        Ok(PreparedLink { file, path, tool: tool.clone() })
    }
}

/// A link file that is written but not yet in its place.
pub struct PreparedLink {
    file: tempfile::NamedTempFile,
    path: PathBuf,
    tool: ToolName,
}

impl PreparedLink {
    /// Moves the file to its place, unless one exists by now. Returns false if that one has the same link: another
    /// command made it after the file was prepared.
    pub fn persist_link(self) -> Result<bool> {
        let Self { file, path, tool } = self;
        let Err(refused) = file.persist_noclobber(&path) else { return Ok(true) };
        let cause = refused.error;
        if cause.kind() == io::ErrorKind::AlreadyExists
            && read_link_file(&path)?.is_some_and(|link| link.tool == tool)
        {
            return Ok(false);
        }
        Err(Error::invalid(
            "folder-file",
            format!("{} cannot be written: {}", path.display(), describe_io_error(&cause)),
        ))
    }
}

fn read_link_file(path: &Path) -> Result<Option<FolderLink>> {
    let refused = |why: &str| {
        Error::invalid("folder-file", format!("{} cannot be read: {why}", path.display()))
            .help(format!("correct it: its first line can be tool: NAME ({})", path.display()))
    };
    match fs::metadata(path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(refused(&describe_io_error(&cause))),
        Ok(about) if about.len() > MAX_LINK_FILE_BYTES => return Err(refused("it is larger than 1 MB")),
        Ok(_) => {}
    }
    let text = fs::read_to_string(path).map_err(|cause| refused(&describe_io_error(&cause)))?;
    let content: Option<LinkFileContent> =
        serde_saphyr::from_str(&text).map_err(|cause| refused(first_line(&cause.to_string())))?;
    let Some(tool) = content.and_then(|content| content.tool) else { return Ok(None) };
    let tool = tool.parse().map_err(|error: Error| refused(error.public_message()))?;
    Ok(Some(FolderLink { tool, path: path.to_owned() }))
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or(text).trim_start_matches("error: ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_below(folder: &Path, path: &str) -> LinkableFolder {
        LinkableFolder { path: folder.join(path), home: Some(folder.to_owned()) }
    }

    #[test]
    fn nearest_link_file_wins_and_none_above_home_counts() -> io::Result<()> {
        let outer = tempfile::tempdir()?;
        let home = outer.path().join("h");
        fs::create_dir_all(home.join("a/b"))?;
        fs::write(outer.path().join(LINK_FILE_NAME), "tool: above-home\n")?;
        assert!(folder_below(&home, "a/b").find_link().is_ok_and(|link| link.is_none()));
        fs::write(home.join("a").join(LINK_FILE_NAME), "# mine\ntool: outer\ncomponents: {}\n")?;
        let name =
            |folder: &LinkableFolder| folder.find_link().ok().flatten().map(|link| link.tool.to_string());
        assert_eq!(name(&folder_below(&home, "a/b")).as_deref(), Some("outer"));
        fs::write(home.join("a/b").join(LINK_FILE_NAME), "tool: inner\n")?;
        assert_eq!(name(&folder_below(&home, "a/b")).as_deref(), Some("inner"));
        Ok(())
    }

    #[test]
    fn invalid_link_file_is_named() -> io::Result<()> {
        let home = tempfile::tempdir()?;
        for text in ["tool: [", "tool: Not A Name", "tool: {a: b}"] {
            fs::write(home.path().join(LINK_FILE_NAME), text)?;
            let error = folder_below(home.path(), "").find_link().err();
            assert!(error.is_some_and(|error| error.public_message().contains(LINK_FILE_NAME)), "{text}");
        }
        fs::write(home.path().join(LINK_FILE_NAME), "# nothing yet\n")?;
        assert!(folder_below(home.path(), "").find_link().is_ok_and(|link| link.is_none()));
        assert!(folder_below(home.path(), "").read_own_link().is_err());
        Ok(())
    }

    #[test]
    fn root_and_home_cannot_be_linked() -> Result<()> {
        let home = tempfile::tempdir().map_err(Error::internal)?;
        fs::create_dir(home.path().join("a")).map_err(Error::internal)?;
        let tool = "dup-finder".parse()?;
        assert!(folder_below(home.path(), "a").check_linkable(&tool).is_ok());
        for (large, better) in [("", "dup-finder"), ("a/..", "dup-finder"), ("/", "~/dup-finder")] {
            let error = folder_below(home.path(), large).check_linkable(&tool).err();
            assert_eq!(error.as_ref().map(Error::code), Some("folder-too-large"));
            let next = format!("mkdir {better} && cd {better} && hearth new dup-finder");
            assert_eq!(error.as_ref().and_then(|error| error.help_text()), Some(next.as_str()));
        }
        Ok(())
    }

    #[test]
    fn new_link_never_replaces_a_file() -> Result<()> {
        let home = tempfile::tempdir().map_err(Error::internal)?;
        let (folder, tool, another) =
            (folder_below(home.path(), ""), "dup-finder".parse()?, "wiki".parse::<ToolName>()?);
        let (first, second) = (folder.prepare_link(&tool)?, folder.prepare_link(&tool)?);
        let third = folder.prepare_link(&another)?;
        assert!(first.persist_link()?);
        assert!(!second.persist_link()?, "the link exists already");
        assert!(third.persist_link().is_err());
        assert_eq!(folder.read_own_link()?.map(|link| link.tool), Some(tool));
        Ok(())
    }
}
