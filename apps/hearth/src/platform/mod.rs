//! What differs between operating systems, and nowhere else.

#[cfg(unix)]
pub mod daemon;
pub mod terminal;

use std::{
    fs::File,
    io,
    path::Path,
    process::{Command, ExitStatus},
};

/// Becomes another program where the system can do that; otherwise runs it and waits.
pub fn become_program(command: &mut Command) -> io::Result<ExitStatus> {
    #[cfg(unix)]
    {
        Err(std::os::unix::process::CommandExt::exec(command))
    }
    #[cfg(not(unix))]
    {
        command.status()
    }
}

/// Whether somebody else on this machine may read what is in `file`.
pub fn readable_by_others(file: &File) -> io::Result<bool> {
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

/// Whether `path` is a file that can be started.
pub fn is_program(path: &Path) -> bool {
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

/// The end of a program's file name.
pub const PROGRAM_SUFFIX: &str = std::env::consts::EXE_SUFFIX;

/// The access that a file of the user's own gets, before the umask: `None` where folders decide.
pub fn ordinary_access() -> Option<std::fs::Permissions> {
    #[cfg(unix)]
    {
        Some(std::os::unix::fs::PermissionsExt::from_mode(0o666))
    }
    #[cfg(not(unix))]
    {
        None
    }
}

/// Whether terminals here understand colours without being asked to.
pub const COLOURS: bool = cfg!(unix);

/// Starts whatever shows pages here. Whether it could be started.
pub fn open_page(url: &str) -> bool {
    // The address comes from a server: it must not be read as anything else by what opens it.
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
