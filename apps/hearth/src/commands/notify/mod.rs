//! `hearth notify …`: mail about what became of a tool's jobs.

pub mod email;
pub mod mails;
pub mod off;
pub mod status;

use hearth_base::Result;

use crate::{context::Context, flags::TEMPLATE};

/// What to do about mail.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Say whether mail about a tool is sent, and to whom
    #[command(before_help = "Example: hearth notify status", help_template = TEMPLATE)]
    Status,
    /// Show or change your own mail address
    #[command(before_help = "Example: hearth notify email ada@example.org", help_template = TEMPLATE)]
    Email(email::Args),
    /// Send you no mail about a tool
    #[command(before_help = "Example: hearth notify off", help_template = TEMPLATE)]
    Off(off::Args),
    /// Send you mail about a tool again
    #[command(before_help = "Example: hearth notify on", help_template = TEMPLATE)]
    On(off::Args),
    /// List mails about a tool, and what became of them
    #[command(before_help = "Example: hearth notify mails", help_template = TEMPLATE)]
    Mails,
}

/// Does it.
pub async fn run(cx: &Context, command: Command) -> Result<()> {
    match command {
        Command::Status => status::run(cx).await,
        Command::Email(args) => email::run(cx, args).await,
        Command::Off(args) => off::run(cx, args, true).await,
        Command::On(args) => off::run(cx, args, false).await,
        Command::Mails => mails::run(cx).await,
    }
}

/// What is true after Ctrl-C.
pub fn after_interrupt(command: &Command) -> &'static str {
    match command {
        Command::Email(_) => "the address may be changed already; hearth notify email shows it",
        Command::Off(_) | Command::On(_) => "it may be changed already; hearth notify status shows it",
        Command::Status | Command::Mails => "nothing was changed",
    }
}
