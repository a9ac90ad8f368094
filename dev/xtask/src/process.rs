//! Runs commands that print their own output.

use std::process::Command;

use crate::command_error::CommandError;

/// Runs a command; true if it exits with 0.
pub fn run_and_check(command: &mut Command) -> Result<bool, CommandError> {
    let status = command.status().map_err(|error| {
        CommandError::new(
            format!("{} cannot be run: {error}", command.get_program().display()),
            "install what is missing with ./test",
        )
    })?;
    Ok(status.success())
}

/// Runs a command; an error, with this text, unless it exits with 0.
pub fn run_to_success(command: &mut Command, otherwise: &str) -> Result<(), CommandError> {
    match run_and_check(command)? {
        true => Ok(()),
        false => Err(CommandError::new(otherwise, "the reason is above")),
    }
}
