//! The question for a new password.

use hearth_base::{Result, Secret};

use crate::context::CommandContext;

/// The minimum length of a new password in characters. The server checks it again.
const MIN_PASSWORD_CHARS: usize = 10;

/// Asks for a new password twice, until both are the same. `missing` and `command` are for the error where no question
/// is possible.
pub fn ask_new_password(cx: &CommandContext, missing: &str, command: &str) -> Result<Secret> {
    loop {
        let question = format!("Choose a password, at least {MIN_PASSWORD_CHARS} characters: ");
        let password = cx.prompter.ask_secret(&question, missing, command)?;
        if password.expose_secret().chars().count() < MIN_PASSWORD_CHARS {
            cx.printer.print_warning("the password is too short; four words are enough");
        } else if cx.prompter.ask_secret("Repeat the password: ", missing, command)? != password {
            cx.printer.print_warning("the passwords differ");
        } else {
            return Ok(password);
        }
    }
}
