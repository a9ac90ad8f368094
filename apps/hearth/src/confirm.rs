//! Confirmation of destructive commands.

use hearth_base::{Error, Result};

use crate::{context::CommandContext, exit};

impl CommandContext {
    /// Requires `--yes` or a typed yes before `verb` is done to `target` (as in "variable API_KEY"); refuses
    /// otherwise.
    pub async fn require_confirmation(&self, verb: &str, target: &str) -> Result<()> {
        if self.assume_yes {
            return Ok(());
        }
        if let Some(because) = self.prompter.silence_reason() {
            let command = self.command_line.with_argument("--yes");
            return Err(Error::invalid("not-confirmed", format!("confirmation is missing: {verb} {target}"))
                .and_message(because)
                .help(command));
        }
        let question = format!("This will {verb} {target}. Continue? [y/N] ");
        let typed = self
            .prompter
            .ask_line(&question, "the confirmation (--yes)", &self.command_line.with_argument("--yes"))
            .await?;
        match typed.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(exit::build_declined_error()),
        }
    }
}
