//! What a command works with, and where each of it comes from: flag, environment, folder, user.
//!
//! The nearer source wins. A source that cannot be read is an error of the commands that need it, not of others.

mod env;
mod folder;
mod server;
mod user;

use std::{fmt, path::PathBuf};

use hearth_base::{Result, Secret, ToolName};

pub use env::Environment;
pub use folder::{Folder, Link};
pub use server::Server;
pub use user::{Entry, UserFile};

/// Where a setting comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A flag of the command.
    Flag(&'static str),
    /// An argument of the command.
    Argument,
    /// A variable of the environment.
    Environment(&'static str),
    /// The file that links a folder to a tool.
    Folder(PathBuf),
    /// The user's own file.
    User(PathBuf),
    /// Nobody chose otherwise.
    Default,
}

impl Source {
    /// The sort of source, in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Flag(_) => "flag",
            Self::Argument => "argument",
            Self::Environment(_) => "environment",
            Self::Folder(_) => "folder",
            Self::User(_) => "user",
            Self::Default => "default",
        }
    }

    /// Which flag, variable or file it is.
    pub fn by(&self) -> Option<String> {
        match self {
            Self::Flag(name) | Self::Environment(name) => Some((*name).to_owned()),
            Self::Folder(path) | Self::User(path) => Some(path.display().to_string()),
            Self::Argument | Self::Default => None,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.by() {
            Some(by) => write!(f, "{} {by}", self.kind()),
            None => f.write_str(self.kind()),
        }
    }
}

/// A setting and where it comes from.
#[derive(Debug, Clone)]
pub struct Sourced<T> {
    /// The setting.
    pub value: T,
    /// Where it comes from.
    pub source: Source,
}

impl<T> Sourced<T> {
    /// A setting from `source`.
    pub fn new(value: T, source: Source) -> Self {
        Self { value, source }
    }
}

/// The flags that every command takes and that set something.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--server`.
    pub server: Option<Server>,
    /// `--tool`.
    pub tool: Option<ToolName>,
}

/// All settings of one command.
#[derive(Debug)]
pub struct Settings {
    /// What the environment says.
    pub environment: Environment,
    /// The user's own file.
    pub user: UserFile,
    /// The folder that the command was given in.
    pub folder: Folder,
    flags: Flags,
}

impl Settings {
    /// Reads what there is.
    pub fn read(flags: Flags, environment: Environment) -> Result<Self> {
        let user = UserFile::read(environment.user_file())?;
        let folder = Folder::current(environment.home.clone())?;
        Ok(Self { environment, user, folder, flags })
    }

    /// The server to speak to.
    pub fn server(&self) -> Result<Sourced<Server>> {
        if let Some(server) = &self.flags.server {
            return Ok(Sourced::new(server.clone(), Source::Flag("--server")));
        }
        if let Some(server) = self.environment.server()? {
            return Ok(Sourced::new(server, Source::Environment(env::SERVER)));
        }
        Ok(match self.user.server() {
            Some(server) => Sourced::new(server.clone(), Source::User(self.user.path().to_owned())),
            None => Sourced::new(Server::here(), Source::Default),
        })
    }

    /// What to show to `server`: the environment's token, or the one saved for this server alone.
    pub fn token(&self, server: &Server) -> Option<Sourced<Secret>> {
        if let Some(token) = &self.environment.token {
            return Some(Sourced::new(token.clone(), Source::Environment(env::TOKEN)));
        }
        let entry = self.user.entry(server)?;
        Some(Sourced::new(entry.token.clone(), Source::User(self.user.path().to_owned())))
    }

    /// The tool that the command is about, if one is named anywhere.
    pub fn tool(&self) -> Result<Option<Sourced<ToolName>>> {
        self.tool_of(&self.folder)
    }

    /// The same for a command that is about another folder than the one it was given in.
    pub fn tool_of(&self, folder: &Folder) -> Result<Option<Sourced<ToolName>>> {
        if let Some(tool) = &self.flags.tool {
            return Ok(Some(Sourced::new(tool.clone(), Source::Flag("--tool"))));
        }
        if let Some(tool) = self.environment.tool()? {
            return Ok(Some(Sourced::new(tool, Source::Environment(env::TOOL))));
        }
        let link = folder.link()?;
        Ok(link.map(|Link { tool, path }| Sourced::new(tool, Source::Folder(path))))
    }
}
