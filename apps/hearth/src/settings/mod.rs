//! Settings of a command with their sources: flag, environment, folder, user.
//!
//! The nearer source wins. A source that cannot be read is an error of the commands that need it, not of
//! others.

mod env;
mod folder;
mod server;
mod user;

use std::{fmt, path::PathBuf};

use hearth_base::{Result, Secret, ToolName};

pub use env::Environment;
pub use folder::{FolderLink, LINK_FILE_NAME, LinkableFolder, PreparedLink};
pub use server::ServerAddress;
pub use user::{ServerEntry, UserFile};

/// The source of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingSource {
    /// A flag of the command.
    Flag(&'static str),
    /// An argument of the command.
    Argument,
    /// A variable of the environment.
    Environment(&'static str),
    /// The file that links a folder to a tool.
    Folder(PathBuf),
    /// The user's credentials file.
    User(PathBuf),
    /// The default.
    Default,
}

impl SettingSource {
    /// Returns the name of the kind: `flag`, `environment`, `folder`, `user` or `default`.
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Flag(_) => "flag",
            Self::Argument => "argument",
            Self::Environment(_) => "environment",
            Self::Folder(_) => "folder",
            Self::User(_) => "user",
            Self::Default => "default",
        }
    }

    /// Returns the flag, variable or file.
    pub fn origin_name(&self) -> Option<String> {
        match self {
            Self::Flag(name) | Self::Environment(name) => Some((*name).to_owned()),
            Self::Folder(path) | Self::User(path) => Some(path.display().to_string()),
            Self::Argument | Self::Default => None,
        }
    }
}

impl fmt::Display for SettingSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.origin_name() {
            Some(by) => write!(f, "{} {by}", self.kind_name()),
            None => f.write_str(self.kind_name()),
        }
    }
}

/// A setting with its source.
#[derive(Debug, Clone)]
pub struct Sourced<T> {
    /// The setting.
    pub value: T,
    /// Its source.
    pub source: SettingSource,
}

impl<T> Sourced<T> {
    /// Creates a setting from `source`.
    pub fn new(value: T, source: SettingSource) -> Self {
        Self { value, source }
    }
}

/// The global flags that set something.
#[derive(Debug, Clone, Default)]
pub struct SettingFlags {
    /// `--server`.
    pub server: Option<ServerAddress>,
    /// `--tool`.
    pub tool: Option<ToolName>,
}

/// All settings of one command.
#[derive(Debug)]
pub struct CommandSettings {
    /// The environment.
    pub environment: Environment,
    /// The user's credentials file.
    pub user: UserFile,
    /// The working folder.
    pub folder: LinkableFolder,
    flags: SettingFlags,
}

impl CommandSettings {
    /// Reads all sources.
    pub fn read(flags: SettingFlags, environment: Environment) -> Result<Self> {
        let user = UserFile::read(environment.user_file_path())?;
        let folder = LinkableFolder::current_folder(environment.home.clone())?;
        Ok(Self { environment, user, folder, flags })
    }

    /// Returns the server, by default the one on this machine.
    pub fn resolve_server(&self) -> Result<Sourced<ServerAddress>> {
        if let Some(server) = &self.flags.server {
            return Ok(Sourced::new(server.clone(), SettingSource::Flag("--server")));
        }
        if let Some(server) = self.environment.parse_server()? {
            return Ok(Sourced::new(server, SettingSource::Environment(env::SERVER_VARIABLE)));
        }
        Ok(match self.user.current_server() {
            Some(server) => Sourced::new(server.clone(), SettingSource::User(self.user.path().to_owned())),
            None => Sourced::new(ServerAddress::local_default(), SettingSource::Default),
        })
    }

    /// Returns the token for `server`: from the environment, or the one saved for this server.
    pub fn find_token(&self, server: &ServerAddress) -> Option<Sourced<Secret>> {
        if let Some(token) = &self.environment.token {
            return Some(Sourced::new(token.clone(), SettingSource::Environment(env::TOKEN_VARIABLE)));
        }
        let entry = self.user.find_entry(server)?;
        Some(Sourced::new(entry.token.clone(), SettingSource::User(self.user.path().to_owned())))
    }

    /// Returns the tool, or `None` when no source names one.
    pub fn find_tool(&self) -> Result<Option<Sourced<ToolName>>> {
        self.find_tool_of_folder(&self.folder)
    }

    /// Returns the tool of a command about another folder than the working folder.
    pub fn find_tool_of_folder(&self, folder: &LinkableFolder) -> Result<Option<Sourced<ToolName>>> {
        if let Some(tool) = &self.flags.tool {
            return Ok(Some(Sourced::new(tool.clone(), SettingSource::Flag("--tool"))));
        }
        if let Some(tool) = self.environment.parse_tool()? {
            return Ok(Some(Sourced::new(tool, SettingSource::Environment(env::TOOL_VARIABLE))));
        }
        let link = folder.find_link()?;
        Ok(link.map(|FolderLink { tool, path }| Sourced::new(tool, SettingSource::Folder(path))))
    }
}
