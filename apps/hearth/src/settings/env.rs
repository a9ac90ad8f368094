//! The environment, read once and here only.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use hearth_base::{Error, Result, Secret, ToolName};

use super::Server;

/// The variable that names the server.
pub const SERVER: &str = "HEARTH_SERVER";
/// The variable that holds a token, for every command.
pub const TOKEN: &str = "HEARTH_TOKEN";
/// The variable that names the tool.
pub const TOOL: &str = "HEARTH_TOOL";

/// What the environment says.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    server: Option<String>,
    tool: Option<String>,
    /// `HEARTH_TOKEN`.
    pub token: Option<Secret>,
    /// Whether this is a machine that builds, with nobody to ask.
    pub ci: bool,
    /// Whether the user wants no colours anywhere.
    pub no_color: bool,
    /// Whether the terminal is one that only prints.
    pub dumb: bool,
    /// The user's home folder.
    pub home: Option<PathBuf>,
    /// The name that the user has on this machine.
    pub login: Option<String>,
    /// The folders in which programs are looked for.
    pub path: Vec<PathBuf>,
    config: Option<PathBuf>,
}

impl Environment {
    /// Reads it.
    pub fn read() -> Self {
        let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
        let config = folder("XDG_CONFIG_HOME").or_else(|| {
            if cfg!(windows) { folder("APPDATA") } else { home.as_ref().map(|home| home.join(".config")) }
        });
        Self {
            server: text(SERVER),
            tool: text(TOOL),
            token: text(TOKEN)
                .filter(|token| !token.trim().is_empty())
                .map(|token| Secret::new(token.trim())),
            ci: text("CI").is_some_and(|ci| !matches!(ci.as_str(), "0" | "false")),
            no_color: raw("NO_COLOR").is_some(),
            dumb: text("TERM").is_some_and(|term| term == "dumb"),
            login: text("USER").or_else(|| text("USERNAME")),
            path: raw("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default(),
            home,
            config,
        }
    }

    /// `HEARTH_SERVER`.
    pub fn server(&self) -> Result<Option<Server>> {
        self.server.as_deref().map(|text| text.parse().map_err(|error| named(&error, SERVER))).transpose()
    }

    /// `HEARTH_TOOL`.
    pub fn tool(&self) -> Result<Option<ToolName>> {
        self.tool.as_deref().map(|text| text.parse().map_err(|error| named(&error, TOOL))).transpose()
    }

    /// Where the user's own file is.
    pub fn user_file(&self) -> Option<PathBuf> {
        Some(self.config.as_ref()?.join("hearth").join("credentials.toml"))
    }

    /// A path as the user would write it: from the home folder, where it is below it.
    pub fn short(&self, path: &Path) -> String {
        match self.home.as_ref().and_then(|home| path.strip_prefix(home).ok()) {
            Some(rest) => Path::new("~").join(rest).display().to_string(),
            None => path.display().to_string(),
        }
    }
}

/// The same refusal, saying which variable it is about.
fn named(error: &Error, variable: &str) -> Error {
    Error::invalid("environment", format!("{variable}: {error}"))
        .help(format!("set {variable} to something else, or unset it"))
}

fn text(name: &str) -> Option<String> {
    raw(name).map(|value| value.to_string_lossy().into_owned())
}

/// The XDG specification has folders that are not absolute ignored.
fn folder(name: &str) -> Option<PathBuf> {
    raw(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// A variable that is set and not empty.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
fn raw(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
