//! What differs between operating systems, and nowhere else.

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
