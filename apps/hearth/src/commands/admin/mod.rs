//! `hearth admin …`: what operators see and do.

pub mod queue;

use hearth_base::Result;

use crate::{context::Context, flags::TEMPLATE};

/// What to look after.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Background work of the services, and what of it has failed
    #[command(before_help = "Example: hearth admin queue list --state dead", help_template = TEMPLATE)]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Queue {
        /// What to do with it.
        #[command(subcommand)]
        command: queue::Command,
    },
}

/// Does it.
pub async fn run(cx: &Context, command: Command) -> Result<()> {
    match command {
        Command::Queue { command } => queue::run(cx, command).await,
    }
}

/// What is true after Ctrl-C.
pub fn after_interrupt(command: &Command) -> &'static str {
    match command {
        Command::Queue { command } => queue::after_interrupt(command),
    }
}
