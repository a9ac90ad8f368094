//! `hearth admin …`: commands for operators.

pub mod builders;
pub mod queue;

use hearth_base::Result;

use crate::{context::CommandContext, flags::HELP_TEMPLATE};

/// Commands for operators.
#[derive(Debug, clap::Subcommand)]
pub enum AdminCommand {
    /// List builders, and choose which of them get builds
    #[command(before_help = "Example: hearth admin builders list", help_template = HELP_TEMPLATE)]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Builders {
        /// The subcommand.
        #[command(subcommand)]
        command: builders::BuildersCommand,
    },
    /// Manage background queues and dead letters
    #[command(before_help = "Example: hearth admin queue list --state dead", help_template = HELP_TEMPLATE)]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Queue {
        /// The subcommand.
        #[command(subcommand)]
        command: queue::QueueCommand,
    },
}

/// Runs the command.
pub async fn run(cx: &CommandContext, command: AdminCommand) -> Result<()> {
    match command {
        AdminCommand::Builders { command } => builders::run(cx, command).await,
        AdminCommand::Queue { command } => queue::run(cx, command).await,
    }
}

/// Explains the state after Ctrl-C.
pub fn explain_interrupt(command: &AdminCommand) -> &'static str {
    match command {
        AdminCommand::Builders { command } => builders::explain_interrupt(command),
        AdminCommand::Queue { command } => queue::explain_interrupt(command),
    }
}
