//! The context of a command: printer, settings, prompter and command line.

use hearth_base::{Error, Result, ToolName};

use crate::{
    cleanup::InterruptCleanup,
    command_line::CommandLine,
    printer::Printer,
    progress,
    prompter::Prompter,
    settings::{CommandSettings, LinkableFolder, Sourced},
};

/// The context that every command receives.
#[derive(Debug)]
pub struct CommandContext {
    /// The printer of results and messages.
    pub printer: Printer,
    /// Server, token and tool, each with its source.
    pub settings: CommandSettings,
    /// The prompter, which asks the user.
    pub prompter: Prompter,
    /// The command line as typed.
    pub command_line: CommandLine,
    /// `--yes`: confirm destructive changes without a question.
    pub assume_yes: bool,
    /// The cleanup that runs when the command is interrupted.
    pub cleanup: InterruptCleanup,
}

impl CommandContext {
    /// Returns the tool of the command, or an error that names the ways to choose one.
    pub fn require_tool(&self) -> Result<Sourced<ToolName>> {
        self.require_tool_of_folder(&self.settings.folder)
    }

    /// Returns the tool of a command about `folder`.
    pub fn require_tool_of_folder(&self, folder: &LinkableFolder) -> Result<Sourced<ToolName>> {
        self.settings.find_tool_of_folder(folder)?.ok_or_else(|| {
            Error::invalid("no-tool", "this folder belongs to no tool")
                .and_message("--tool NAME, HEARTH_TOOL or hearth.yaml in this folder names a tool.")
                .and_message("hearth tool list shows your tools.")
                .help(format!("hearth new {}", self.propose_tool_name()))
        })
    }

    /// Proposes a valid tool name similar to the folder's name; `NAME` if there is none.
    pub fn propose_tool_name(&self) -> String {
        let folder = self.settings.folder.folder_name().unwrap_or_default();
        match folder.parse::<ToolName>().and_then(|name| name.check_new().map(|()| name)) {
            Ok(name) => name.to_string(),
            Err(error) => error.suggested_value().unwrap_or("NAME").to_owned(),
        }
    }

    /// Waits for `work` and prints a notice every few seconds.
    pub async fn wait_with_notices<T>(&self, subject: &str, work: impl Future<Output = T>) -> T {
        let notify = |_| self.printer.print_note(&format!("waiting for {subject} …"));
        progress::wait_with_ticks(work, progress::NOTICE_INTERVAL, notify).await
    }
}
