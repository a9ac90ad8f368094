//! What every command is given.

use hearth_base::{Error, Result, ToolName};

use crate::{
    ask::Ask,
    leftover::Leftover,
    patience,
    printer::Printer,
    settings::{Folder, Settings, Sourced},
    words::Words,
};

/// What every command is given.
#[derive(Debug)]
pub struct Context {
    /// Where results and everything else go.
    pub printer: Printer,
    /// Server, token, tool, and where each comes from.
    pub settings: Settings,
    /// Questions to whoever typed the command.
    pub ask: Ask,
    /// The command as it was typed.
    pub words: Words,
    /// `--yes`: go on with what is dangerous.
    pub yes: bool,
    /// What is taken away when the command is interrupted.
    pub leftover: Leftover,
}

impl Context {
    /// The tool that the command is about.
    pub fn tool(&self) -> Result<Sourced<ToolName>> {
        self.tool_of(&self.settings.folder)
    }

    /// The same for a command that is about `folder`.
    pub fn tool_of(&self, folder: &Folder) -> Result<Sourced<ToolName>> {
        self.settings.tool_of(folder)?.ok_or_else(|| {
            Error::invalid("no-tool", "this folder belongs to no tool, and none was named")
                .also("A tool is named by --tool NAME, by HEARTH_TOOL, or by hearth.yaml in this folder.")
                .help(format!("hearth new {}", self.proposed_name()))
        })
    }

    /// A tool's name that fits this folder.
    pub fn proposed_name(&self) -> String {
        let folder = self.settings.folder.name().unwrap_or_default();
        match folder.parse::<ToolName>().and_then(|name| name.check_new().map(|()| name)) {
            Ok(name) => name.to_string(),
            Err(error) => better_name(&error).unwrap_or("NAME").to_owned(),
        }
    }

    /// Waits for `work`, saying so when it takes long.
    pub async fn patiently<T>(&self, what: &str, work: impl Future<Output = T>) -> T {
        let tell = |_| self.printer.note(&format!("waiting for {what} …"));
        patience::during(work, patience::SILENCE, tell).await
    }
}

/// The name or address that a refusal of one proposes in its stead.
pub fn better_name(error: &Error) -> Option<&str> {
    let advice = error.next()?;
    let written = advice.strip_prefix("write ").filter(|word| !word.contains(' '));
    advice.strip_prefix("call it ").or(written)
}
