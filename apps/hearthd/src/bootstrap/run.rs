//! Programs of the machine.

use std::process::Command;

use hearth_base::{Error, Result};

/// Runs a program to its end, and gives its standard output. When it fails, the end of what it said is in the error.
pub fn output(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let ended = command.output().map_err(|cause| {
        let package = match program.as_str() {
            "unshare" => "util-linux",
            other => other,
        };
        Error::unavailable("program", format!("{program} cannot be run: {cause}"))
            .help(format!("apt-get install {package}"))
            .because(cause)
    })?;
    if ended.status.success() {
        return Ok(String::from_utf8_lossy(&ended.stdout).into_owned());
    }
    let said =
        [&*String::from_utf8_lossy(&ended.stdout), &*String::from_utf8_lossy(&ended.stderr)].join("\n");
    let mut last: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).rev().take(8).collect();
    last.reverse();
    let mut error =
        Error::unavailable("program-failed", format!("{program} did not succeed: {}", ended.status));
    for line in last {
        error = error.also(line.escape_debug().to_string());
    }
    Err(error.help("mend what it says, then hearthd image bootstrap again"))
}
