//! `hearth components …`: configuration, deployments and deploy token of a tool, with the commands and flags of
//! Toolforge's `components`.

mod config;
mod deploy_token;

use hearth_base::Result;

use super::deployment::{self, DeploymentCommand};
use crate::{context::CommandContext, flags::HELP_TEMPLATE};

use self::{config::ConfigCommand, deploy_token::DeployTokenCommand};

/// Commands about the components of a tool.
#[derive(Debug, clap::Subcommand)]
pub enum ComponentsCommand {
    /// Manage the stored configuration of the tool
    #[command(before_help = "Example: hearth components config show", help_template = HELP_TEMPLATE)]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Manage deployments, as hearth deployment does
    #[command(before_help = "Example: hearth components deployment list", help_template = HELP_TEMPLATE)]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    #[command(mut_subcommands = lengthen_example)]
    Deployment {
        #[command(subcommand)]
        command: DeploymentCommand,
    },
    /// Manage the token with which a pipeline deploys the tool
    #[command(before_help = "Example: hearth components deploy-token show", help_template = HELP_TEMPLATE)]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    DeployToken {
        #[command(subcommand)]
        command: DeployTokenCommand,
    },
}

/// Puts the path of this group into the example of a command of `hearth deployment`.
fn lengthen_example(command: clap::Command) -> clap::Command {
    let example = command.get_before_help().map(ToString::to_string).unwrap_or_default();
    command.before_help(example.replace("hearth deployment", "hearth components deployment"))
}

/// Runs the command.
pub async fn run(cx: &CommandContext, command: ComponentsCommand) -> Result<()> {
    match command {
        ComponentsCommand::Config { command } => config::run(cx, command).await,
        ComponentsCommand::Deployment { command } => deployment::run(cx, command).await,
        ComponentsCommand::DeployToken { command } => deploy_token::run(cx, command).await,
    }
}

/// Explains the state after Ctrl-C.
pub fn explain_interrupt(command: &ComponentsCommand) -> &'static str {
    match command {
        ComponentsCommand::Config { command } => config::explain_interrupt(command),
        ComponentsCommand::Deployment { command } => deployment::explain_interrupt(command),
        ComponentsCommand::DeployToken { command } => deploy_token::explain_interrupt(command),
    }
}
