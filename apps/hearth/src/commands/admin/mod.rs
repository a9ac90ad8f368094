//! `hearth admin …`: commands for operators.

pub mod queue;

use hearth_base::Result;

use crate::{context::Context, flags::TEMPLATE};

/// Commands for operators.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Background work of the services, and what of it has failed
    #[command(before_help = "Example: hearth admin queue list --state dead", help_template = TEMPLATE)]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Queue {
        /// A command about queues.
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

/// Returns the sentence about what Ctrl-C left behind.
pub fn after_interrupt(command: &Command) -> &'static str {
    match command {
        Command::Queue { command } => queue::after_interrupt(command),
    }
}
