//! Runs programs of the machine.

use std::process::Command;

use hearth_base::{Error, Result};

/// Runs a program to its end and returns its standard output. On failure, the error contains the last lines
/// of its output.
pub fn run_program(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let ended = command.output().map_err(|cause| {
        let package = match program.as_str() {
            "unshare" => "util-linux",
            other => other,
        };
        Error::unavailable("program", format!("the program {program} cannot be run: {cause}"))
            .help(format!("apt-get install {package}"))
            .with_cause(cause)
    })?;
    if ended.status.success() {
        return Ok(String::from_utf8_lossy(&ended.stdout).into_owned());
    }
    let text =
        [&*String::from_utf8_lossy(&ended.stdout), &*String::from_utf8_lossy(&ended.stderr)].join("\n");
    let mut last: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).rev().take(8).collect();
    last.reverse();
    let mut error = Error::unavailable("program-failed", format!("{program} failed: {}", ended.status));
    for line in last {
        error = error.and_message(line.escape_debug().to_string());
    }
    Err(error.help("fix the cause above, then run hearthd image bootstrap again"))
}
