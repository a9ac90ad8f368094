//! `hearth admin …`: commands for operators.

pub mod builders;
pub mod outside_builders;
pub mod package_sources;
pub mod queue;
pub mod requests;

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
    /// Register outside builders that every tool may choose
    #[command(before_help = "Example: hearth admin outside-builders list", help_template = HELP_TEMPLATE)]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    OutsideBuilders {
        /// The subcommand.
        #[command(subcommand)]
        command: outside_builders::OutsideBuildersCommand,
    },
    /// Add sources of Debian packages for builds, and grant them to tools
    #[command(before_help = "Example: hearth admin package-sources list", help_template = HELP_TEMPLATE)]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    PackageSources {
        /// The subcommand.
        #[command(subcommand)]
        command: package_sources::PackageSourcesCommand,
    },
    /// Manage background queues and dead letters
    #[command(before_help = "Example: hearth admin queue list --state dead", help_template = HELP_TEMPLATE)]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Queue {
        /// The subcommand.
        #[command(subcommand)]
        command: queue::QueueCommand,
    },
    /// Accept or refuse requests of tools
    #[command(before_help = "Example: hearth admin requests list", help_template = HELP_TEMPLATE)]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Requests {
        /// The subcommand.
        #[command(subcommand)]
        command: requests::RequestsCommand,
    },
}

/// Runs the command.
pub async fn run(cx: &CommandContext, command: AdminCommand) -> Result<()> {
    match command {
        AdminCommand::Builders { command } => builders::run(cx, command).await,
        AdminCommand::OutsideBuilders { command } => outside_builders::run(cx, command).await,
        AdminCommand::PackageSources { command } => package_sources::run(cx, command).await,
        AdminCommand::Queue { command } => queue::run(cx, command).await,
        AdminCommand::Requests { command } => requests::run(cx, command).await,
    }
}

/// Explains the state after Ctrl-C.
pub fn explain_interrupt(command: &AdminCommand) -> &'static str {
    match command {
        AdminCommand::Builders { command } => builders::explain_interrupt(command),
        AdminCommand::OutsideBuilders { command } => outside_builders::explain_interrupt(command),
        AdminCommand::PackageSources { command } => package_sources::explain_interrupt(command),
        AdminCommand::Queue { command } => queue::explain_interrupt(command),
        AdminCommand::Requests { command } => requests::explain_interrupt(command),
    }
}
