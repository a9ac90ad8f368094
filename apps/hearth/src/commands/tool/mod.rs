//! `hearth tool …`: tools and their members.

pub mod accept;
pub mod delete;
pub mod kubeconfig;
pub mod list;
pub mod members;
pub mod offers;
pub mod quota;
pub mod show;

use hearth_base::{Result, ToolName};

use crate::{
    context::CommandContext,
    flags::HELP_TEMPLATE,
    kept_flags::mark_without_tool,
    settings::{SettingSource, Sourced},
};

/// Commands about tools.
#[derive(Debug, clap::Subcommand)]
pub enum ToolCommand {
    /// List your tools
    #[command(before_help = "Example: hearth tool list", help_template = HELP_TEMPLATE)]
    #[command(group = mark_without_tool())]
    List(list::ListToolsArgs),
    /// Show a tool and its members
    #[command(before_help = "Example: hearth tool show dup-finder", help_template = HELP_TEMPLATE)]
    Show(show::ShowToolArgs),
    /// Delete a tool and everything that belongs to it
    #[command(before_help = "Example: hearth tool delete dup-finder", help_template = HELP_TEMPLATE)]
    Delete(delete::DeleteToolArgs),
    /// Manage the members of a tool
    #[command(before_help = "Example: hearth tool members set bob maintainer", help_template = HELP_TEMPLATE)]
    Members {
        /// The subcommand; default: list.
        #[command(subcommand)]
        command: Option<members::MemberCommand>,
    },
    /// List the tools that offer you a membership
    #[command(before_help = "Example: hearth tool offers", help_template = HELP_TEMPLATE)]
    #[command(group = mark_without_tool())]
    Offers,
    /// Accept an offered membership
    #[command(before_help = "Example: hearth tool accept dup-finder", help_template = HELP_TEMPLATE)]
    #[command(group = mark_without_tool())]
    Accept(accept::MembershipArgs),
    /// Leave a tool, or decline an offered membership
    #[command(before_help = "Example: hearth tool leave dup-finder", help_template = HELP_TEMPLATE)]
    #[command(group = mark_without_tool())]
    Leave(accept::MembershipArgs),
    /// Show the limits of a tool; operators change them
    #[command(before_help = "Example: hearth tool quota dup-finder --set memory=16Gi", help_template = HELP_TEMPLATE)]
    Quota(quota::ToolQuotaArgs),
    /// Create a kubeconfig for Toolforge's clients
    #[command(
        before_help = "Example: hearth tool kubeconfig dup-finder --output dup-finder.kubeconfig",
        help_template = HELP_TEMPLATE
    )]
    Kubeconfig(kubeconfig::WriteKubeconfigArgs),
}

/// Runs the command.
pub async fn run(cx: &CommandContext, command: ToolCommand) -> Result<()> {
    match command {
        ToolCommand::List(args) => list::run(cx, args).await,
        ToolCommand::Show(args) => show::run(cx, args).await,
        ToolCommand::Delete(args) => delete::run(cx, args).await,
        ToolCommand::Members { command } => members::run(cx, command).await,
        ToolCommand::Offers => offers::run(cx).await,
        ToolCommand::Accept(args) => accept::accept_membership(cx, args).await,
        ToolCommand::Leave(args) => accept::end_membership(cx, args).await,
        ToolCommand::Quota(args) => quota::run(cx, args).await,
        ToolCommand::Kubeconfig(args) => kubeconfig::run(cx, args).await,
    }
}

/// Explains the state after Ctrl-C.
pub fn explain_interrupt(command: &ToolCommand) -> &'static str {
    match command {
        ToolCommand::Delete(_) => "the tool may be deleted already; hearth tool list shows it",
        ToolCommand::Kubeconfig(_) => "a token may exist whose secret was not saved",
        ToolCommand::Quota(_) => "the limits may be changed already; hearth tool quota shows them",
        ToolCommand::Members { command: Some(command) } => members::explain_interrupt(command),
        ToolCommand::Accept(_) | ToolCommand::Leave(_) => {
            "the membership may be changed already; hearth tool list shows it"
        }
        ToolCommand::Members { command: None }
        | ToolCommand::List(_)
        | ToolCommand::Offers
        | ToolCommand::Show(_) => "nothing was changed",
    }
}

/// Returns the tool of the argument, or else of the settings.
pub fn choose_tool(cx: &CommandContext, name: Option<ToolName>) -> Result<Sourced<ToolName>> {
    match name {
        Some(name) => Ok(Sourced::new(name, SettingSource::Argument)),
        None => cx.require_tool(),
    }
}
