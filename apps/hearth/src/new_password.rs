//! The question for a new password.

use hearth_base::{Result, Secret};

use hearth_wire::accounts::PASSWORD_CHARACTERS;

use crate::context::CommandContext;

/// Asks for a new password twice, until both are the same. The server checks the length again. `missing` and `command` are for the error where no question
/// is possible.
pub fn ask_new_password(cx: &CommandContext, missing: &str, command: &str) -> Result<Secret> {
    loop {
        let question = format!("Choose a password, at least {} characters: ", PASSWORD_CHARACTERS.start());
        let password = cx.prompter.ask_secret(&question, missing, command)?;
        let length = password.expose_secret().chars().count();
        if length < *PASSWORD_CHARACTERS.start() {
            cx.printer.print_warning("the password is too short; four words are enough");
        } else if length > *PASSWORD_CHARACTERS.end() {
            let most = PASSWORD_CHARACTERS.end();
            cx.printer.print_warning(&format!("the password is longer than {most} characters"));
        } else if cx.prompter.ask_secret("Repeat the password: ", missing, command)? != password {
            cx.printer.print_warning("the passwords differ");
        } else {
            return Ok(password);
        }
    }
}
