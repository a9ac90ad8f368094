//! `hearth tool …`: tools, their people, their end.

pub mod delete;
pub mod kubeconfig;
pub mod list;
pub mod members;
pub mod quota;
pub mod show;

use hearth_base::{Result, ToolName};

use crate::{
    context::Context,
    flags::TEMPLATE,
    settings::{Source, Sourced},
};

/// What to do with tools.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List your tools
    #[command(before_help = "Example: hearth tool list", help_template = TEMPLATE)]
    List(list::Args),
    /// Show a tool and its people
    #[command(before_help = "Example: hearth tool show dup-finder", help_template = TEMPLATE)]
    Show(show::Args),
    /// Delete a tool and all that belongs to it
    #[command(before_help = "Example: hearth tool delete dup-finder", help_template = TEMPLATE)]
    Delete(delete::Args),
    /// List and change who belongs to a tool
    #[command(before_help = "Example: hearth tool members set bob maintainer", help_template = TEMPLATE)]
    Members {
        /// What to do with them; absent: list them.
        #[command(subcommand)]
        command: Option<members::Command>,
    },
    /// Say how much a tool may use; operators change it
    #[command(before_help = "Example: hearth tool quota dup-finder --set memory=16Gi", help_template = TEMPLATE)]
    Quota(quota::Args),
    /// Make a file by which Toolforge's clients enter
    #[command(
        before_help = "Example: hearth tool kubeconfig dup-finder --output dup-finder.kubeconfig",
        help_template = TEMPLATE
    )]
    Kubeconfig(kubeconfig::Args),
}

/// Does it.
pub async fn run(cx: &Context, command: Command) -> Result<()> {
    match command {
        Command::List(args) => list::run(cx, args).await,
        Command::Show(args) => show::run(cx, args).await,
        Command::Delete(args) => delete::run(cx, args).await,
        Command::Members { command } => members::run(cx, command).await,
        Command::Quota(args) => quota::run(cx, args).await,
        Command::Kubeconfig(args) => kubeconfig::run(cx, args).await,
    }
}

/// What is true after Ctrl-C.
pub fn after_interrupt(command: &Command) -> &'static str {
    match command {
        Command::Delete(_) => "the tool may be gone already; hearth tool list shows it",
        Command::Kubeconfig(_) => "a token may have been made, which nobody knows",
        Command::Quota(_) => "the limits may be changed already; hearth tool quota shows them",
        Command::Members { command: Some(command) } => members::after_interrupt(command),
        Command::Members { command: None } | Command::List(_) | Command::Show(_) => "nothing was changed",
    }
}

/// The tool that was named as an argument, or the one that the settings name.
pub fn named(cx: &Context, name: Option<ToolName>) -> Result<Sourced<ToolName>> {
    match name {
        Some(name) => Ok(Sourced::new(name, Source::Argument)),
        None => cx.tool(),
    }
}
