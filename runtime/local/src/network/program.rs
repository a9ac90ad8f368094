//! The host's programs for networks, which read what to do from their standard input.

use std::{
    io::{self, Write},
    path::Path,
    process::{Command, Stdio},
};

use hearth_base::{Error, Kind, Result};

/// The first of these programs that is there.
pub fn find(candidates: &[&'static str]) -> Result<&'static str> {
    candidates.iter().copied().find(|path| Path::new(path).exists()).ok_or_else(|| {
        let name = candidates.first().and_then(|path| path.rsplit('/').next()).unwrap_or("a program");
        Error::new(Kind::Unavailable, "program-missing", format!("{name} is not installed on this host"))
            .help("apt-get install nftables")
    })
}

/// Starts the first of these programs that is there, and has it read `input`.
pub fn feed(candidates: &[&'static str], arguments: &[&str], input: &str) -> io::Result<()> {
    let program = find(candidates).map_err(|error| io::Error::other(error.to_string()))?;
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{program}: {}", said.lines().next().unwrap_or("no reason given"))))
}
