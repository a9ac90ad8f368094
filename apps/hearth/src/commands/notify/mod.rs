//! `hearth notify …`: mail about a tool.

pub mod email;
pub mod events;
pub mod mails;
pub mod off;
pub mod status;

use hearth_base::Result;

use crate::{context::CommandContext, flags::HELP_TEMPLATE, kept_flags::mark_without_tool};

/// Commands about mail.
#[derive(Debug, clap::Subcommand)]
pub enum NotifyCommand {
    /// Show whether mail about a tool is sent, and to whom
    #[command(before_help = "Example: hearth notify status", help_template = HELP_TEMPLATE)]
    Status,
    /// Show or change your mail address
    #[command(before_help = "Example: hearth notify email ada@example.org", help_template = HELP_TEMPLATE)]
    #[command(group = mark_without_tool())]
    Email(email::SetEmailArgs),
    /// Switch off mail to you about a tool
    #[command(before_help = "Example: hearth notify off", help_template = HELP_TEMPLATE)]
    Off(off::SwitchMailArgs),
    /// Switch on mail to you about a tool
    #[command(before_help = "Example: hearth notify on", help_template = HELP_TEMPLATE)]
    On(off::SwitchMailArgs),
    /// Show or choose the events about which you get mail
    #[command(before_help = "Example: hearth notify events deployment.failed build.failed",
        help_template = HELP_TEMPLATE)]
    Events(events::ChooseEventsArgs),
    /// List mails about a tool with their delivery state
    #[command(before_help = "Example: hearth notify mails", help_template = HELP_TEMPLATE)]
    Mails,
}

/// Runs the command.
pub async fn run(cx: &CommandContext, command: NotifyCommand) -> Result<()> {
    match command {
        NotifyCommand::Status => status::run(cx).await,
        NotifyCommand::Email(args) => email::run(cx, args).await,
        NotifyCommand::Off(args) => off::run(cx, args, true).await,
        NotifyCommand::On(args) => off::run(cx, args, false).await,
        NotifyCommand::Events(args) => events::run(cx, args).await,
        NotifyCommand::Mails => mails::run(cx).await,
    }
}

/// Explains the state after Ctrl-C.
pub fn explain_interrupt(command: &NotifyCommand) -> &'static str {
    match command {
        NotifyCommand::Email(_) => "the address may be changed already; hearth notify email shows it",
        NotifyCommand::Off(_) | NotifyCommand::On(_) | NotifyCommand::Events(_) => {
            "the setting may be changed already; hearth notify status shows it"
        }
        NotifyCommand::Status | NotifyCommand::Mails => "nothing was changed",
    }
}
