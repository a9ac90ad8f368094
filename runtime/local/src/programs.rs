//! Programs of the host that this crate starts.

use std::{io, path::PathBuf, process::Output};

use hearth_base::{Error, Kind, Result};

/// Where a program is, which comes with a package.
pub fn find(name: &str, package: &str) -> Result<PathBuf> {
    let places = ["/usr/sbin", "/sbin", "/usr/bin"].map(|folder| PathBuf::from(folder).join(name));
    places.into_iter().find(|path| path.exists()).ok_or_else(|| {
        Error::new(Kind::Unavailable, "program-missing", format!("{name} is not installed on this host"))
            .help(format!("apt-get install {package}"))
    })
}

/// Whether a program did what it was to do; otherwise the first thing that it said.
pub fn done(name: &str, output: &Output) -> io::Result<()> {
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{name}: {}", said.lines().next().unwrap_or("no reason given"))))
}
