//! Programs that are timed, Hearth's and others'.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use hearth_base::{Error, Result};

/// Runs a program to its end. How long that took.
pub fn timed(command: &mut Command) -> Result<Duration> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let began = Instant::now();
    let ended = command.status().map_err(Error::internal)?;
    let took = began.elapsed();
    if ended.success() {
        return Ok(took);
    }
    Err(Error::internal(format!("{command:?} ended with {ended}")))
}

/// Runs a program to its end. Its last words when that did not go well.
pub fn tried(command: &mut Command) -> std::result::Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|cause| cause.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(words.lines().last().map_or_else(|| output.status.to_string(), str::to_owned))
}

/// Whether there is such a program in the usual places.
pub fn installed(program: &str) -> bool {
    ["/usr/local/bin", "/usr/bin", "/usr/sbin", "/bin"]
        .iter()
        .any(|folder| std::path::Path::new(folder).join(program).is_file())
}
