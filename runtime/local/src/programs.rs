//! Programs of the host that this crate starts.

use std::{io, path::PathBuf, process::Output};

use hearth_base::{Error, ErrorKind, Result};

/// Finds a program of the host; the error names the Debian package to install.
pub fn find_program(name: &str, package: &str) -> Result<PathBuf> {
    let places = ["/usr/sbin", "/sbin", "/usr/bin"].map(|folder| PathBuf::from(folder).join(name));
    places.into_iter().find(|path| path.exists()).ok_or_else(|| {
        Error::new(ErrorKind::Unavailable, "program-missing", format!("{name} is not installed on this host"))
            .help(format!("apt-get install {package}"))
    })
}

/// Checks that a program has succeeded; the error contains the first line of its standard error.
pub fn check_success(name: &str, output: &Output) -> io::Result<()> {
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!(
        "{name}: {}",
        stderr.lines().find(|line| !line.is_empty()).unwrap_or("no reason given")
    )))
}
