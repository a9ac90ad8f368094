//! Running and timing of programs.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use hearth_base::{Error, Result};

/// Runs a program and returns its duration. A failure of the program is an error.
pub fn time_command(command: &mut Command) -> Result<Duration> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let began = Instant::now();
    let ended = command.status().map_err(Error::internal)?;
    let took = began.elapsed();
    if ended.success() {
        return Ok(took);
    }
    Err(Error::internal(format!("{command:?} exited with {ended}")))
}

/// Runs a program. On failure returns the last line of its standard error.
pub fn run_command(command: &mut Command) -> std::result::Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|cause| cause.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(words.lines().last().map_or_else(|| output.status.to_string(), str::to_owned))
}

/// Returns true when a program is installed in one of the standard folders.
pub fn is_installed(program: &str) -> bool {
    ["/usr/local/bin", "/usr/bin", "/usr/sbin", "/bin"]
        .iter()
        .any(|folder| std::path::Path::new(folder).join(program).is_file())
}
