//! The environment. It is read once, and only here.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use hearth_base::{Error, Result, Secret, ToolName};

use super::ServerAddress;

/// The variable that names the server.
pub const SERVER_VARIABLE: &str = "HEARTH_SERVER";
/// The variable that holds a token, for every command.
pub const TOKEN_VARIABLE: &str = "HEARTH_TOKEN";
/// The variable that names the tool.
pub const TOOL_VARIABLE: &str = "HEARTH_TOOL";

/// The settings of the environment.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    server: Option<String>,
    tool: Option<String>,
    /// `HEARTH_TOKEN`.
    pub token: Option<Secret>,
    /// `CI`: true on a build machine without a user.
    pub is_ci: bool,
    /// `NO_COLOR`: true when the user wants no colours.
    pub no_color: bool,
    /// `TERM=dumb`: true when the terminal cannot move its cursor.
    pub is_dumb_terminal: bool,
    /// `TERM`: the type of the terminal.
    pub terminal_type: Option<String>,
    /// The user's home folder.
    pub home: Option<PathBuf>,
    /// The user's name on this machine.
    pub login_name: Option<String>,
    /// True if the program was called `toolforge`: it follows the defaults of Toolforge's clients.
    pub is_called_toolforge: bool,
    /// The folders of `PATH`.
    pub search_path: Vec<PathBuf>,
    config: Option<PathBuf>,
}

impl Environment {
    /// Reads the environment.
    pub fn read() -> Self {
        let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
        let config = read_folder("XDG_CONFIG_HOME").or_else(|| {
            if cfg!(windows) {
                read_folder("APPDATA")
            } else {
                home.as_ref().map(|home| home.join(".config"))
            }
        });
        Self {
            server: read_text(SERVER_VARIABLE),
            tool: read_text(TOOL_VARIABLE),
            token: read_text(TOKEN_VARIABLE)
                .filter(|token| !token.trim().is_empty())
                .map(|token| Secret::new(token.trim())),
            is_ci: read_text("CI").is_some_and(|ci| !matches!(ci.as_str(), "0" | "false")),
            no_color: read_variable("NO_COLOR").is_some(),
            terminal_type: read_text("TERM"),
            is_dumb_terminal: read_text("TERM").is_some_and(|term| term == "dumb"),
            login_name: read_text("USER").or_else(|| read_text("USERNAME")),
            is_called_toolforge: std::env::args_os()
                .next()
                .is_some_and(|program| Path::new(&program).file_stem() == Some("toolforge".as_ref())),
            search_path: read_variable("PATH")
                .map(|path| std::env::split_paths(&path).collect())
                .unwrap_or_default(),
            home,
            config,
        }
    }

    /// Parses `HEARTH_SERVER`.
    pub fn parse_server(&self) -> Result<Option<ServerAddress>> {
        self.server
            .as_deref()
            .map(|text| text.parse().map_err(|error| name_variable(&error, SERVER_VARIABLE)))
            .transpose()
    }

    /// Parses `HEARTH_TOOL`.
    pub fn parse_tool(&self) -> Result<Option<ToolName>> {
        self.tool
            .as_deref()
            .map(|text| text.parse().map_err(|error| name_variable(&error, TOOL_VARIABLE)))
            .transpose()
    }

    /// Returns the path of the user's credentials file.
    pub fn user_file_path(&self) -> Option<PathBuf> {
        Some(self.config.as_ref()?.join("hearth").join("credentials.toml"))
    }

    /// Shortens a path below the home folder to `~/…`.
    pub fn shorten_path(&self, path: &Path) -> String {
        match self.home.as_ref().and_then(|home| path.strip_prefix(home).ok()) {
            Some(rest) => Path::new("~").join(rest).display().to_string(),
            None => path.display().to_string(),
        }
    }
}

/// Adds the variable's name to an error.
fn name_variable(error: &Error, variable: &str) -> Error {
    Error::invalid("environment", format!("{variable}: {error}"))
        .help(format!("correct {variable}, or unset it"))
}

fn read_text(name: &str) -> Option<String> {
    read_variable(name).map(|value| value.to_string_lossy().into_owned())
}

/// Reads a folder. Relative paths are ignored, as the XDG Base Directory Specification demands.
fn read_folder(name: &str) -> Option<PathBuf> {
    read_variable(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// Reads a variable; an empty one counts as unset.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
fn read_variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
