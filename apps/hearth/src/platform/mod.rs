//! Code that differs between operating systems.

#[cfg(unix)]
pub mod daemon;
pub mod terminal;

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
};

/// Replaces this process with another program (Unix); elsewhere runs it and waits.
pub fn replace_process(command: &mut Command) -> io::Result<ExitStatus> {
    #[cfg(unix)]
    {
        Err(std::os::unix::process::CommandExt::exec(command))
    }
    #[cfg(not(unix))]
    {
        command.status()
    }
}

/// Returns true when other users of this machine can read `file`.
pub fn is_readable_by_others(file: &File) -> io::Result<bool> {
    let about = file.metadata()?;
    #[cfg(unix)]
    {
        Ok(std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o077 != 0)
    }
    #[cfg(not(unix))]
    {
        let _folders_decide_here = about;
        Ok(false)
    }
}

/// Returns true when `path` is an executable file.
pub fn is_executable(path: &Path) -> bool {
    let Ok(about) = path.metadata() else { return false };
    #[cfg(unix)]
    {
        about.is_file() && std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o111 != 0
    }
    #[cfg(not(unix))]
    {
        about.is_file()
    }
}

/// Converts a path that git printed.
pub fn path_from_bytes(bytes: &[u8]) -> PathBuf {
    #[cfg(unix)]
    {
        PathBuf::from(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes))
    }
    #[cfg(not(unix))]
    {
        PathBuf::from(String::from_utf8_lossy(bytes).into_owned())
    }
}

/// Lists the home folders of people on this machine, and the administrator's; empty where they are unknown.
pub fn list_home_folders() -> Vec<PathBuf> {
    if !cfg!(unix) {
        return Vec::new();
    }
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let homes = accounts.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [_, _, uid, _, _, home, shell] = fields.as_slice() else { return None };
        let is_person = uid.parse::<u32>().is_ok_and(|uid| uid == 0 || uid >= FIRST_PERSON_UID);
        let can_sign_in = !shell.ends_with("nologin") && !shell.ends_with("false");
        (is_person && can_sign_in && home.starts_with('/')).then(|| PathBuf::from(home))
    });
    homes.collect()
}

/// The first uid of people; lower ones belong to services (`login.defs(5)`, UID_MIN).
const FIRST_PERSON_UID: u32 = 1000;

/// The suffix of a program's file name.
pub const PROGRAM_SUFFIX: &str = std::env::consts::EXE_SUFFIX;

/// The permissions of a new file before the umask; `None` where folders decide.
pub fn default_permissions() -> Option<std::fs::Permissions> {
    #[cfg(unix)]
    {
        Some(std::os::unix::fs::PermissionsExt::from_mode(0o666))
    }
    #[cfg(not(unix))]
    {
        None
    }
}

/// True where terminals show ANSI colours by default.
pub const TERMINALS_HAVE_COLOURS: bool = cfg!(unix);

/// Opens a page in the browser. Returns false when no browser could be started.
pub fn open_in_browser(url: &str) -> bool {
    // The address comes from a server: only web addresses may reach the opener.
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return false;
    }
    let opener = if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        "explorer"
    } else {
        "xdg-open"
    };
    let quiet = std::process::Stdio::null;
    let started = Command::new(opener).arg(url).stdin(quiet()).stdout(quiet()).stderr(quiet()).spawn();
    started.is_ok()
}
