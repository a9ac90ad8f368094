//! Wanting a yes before something is lost.

use hearth_base::{Error, Result};

use crate::{context::Context, exit};

impl Context {
    /// Goes on when `--yes` was given or somebody says yes to losing `what` ("variable API_KEY"); refused otherwise.
    pub async fn confirm(&self, verb: &str, what: &str) -> Result<()> {
        if self.yes {
            return Ok(());
        }
        if let Some(because) = self.ask.is_silent() {
            let command = self.words.and("--yes");
            return Err(Error::invalid("not-confirmed", format!("nobody confirmed to {verb} {what}"))
                .also(because)
                .help(command));
        }
        let question = format!("This will {verb} {what}. Go on? [y/N] ");
        let typed = self.ask.line(&question, "the confirmation (--yes)", &self.words.and("--yes")).await?;
        match typed.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(exit::declined()),
        }
    }
}
