//! `hearth users …`: the people of this Hearth, for operators.

mod change;
mod list;
mod recover;

use hearth_base::{Result, UserName};

use crate::{
    context::CommandContext,
    flags::{DryRun, HELP_TEMPLATE},
};

/// Commands about users.
#[derive(Debug, clap::Subcommand)]
pub enum UserCommand {
    /// List the users of this Hearth
    #[command(before_help = "Example: hearth users list", help_template = HELP_TEMPLATE)]
    List,
    /// Disable a user: no sign-in, and sessions and tokens stop working
    #[command(before_help = "Example: hearth users disable bob", help_template = HELP_TEMPLATE)]
    Disable(UserActionArgs),
    /// Enable a disabled user
    #[command(before_help = "Example: hearth users enable bob", help_template = HELP_TEMPLATE)]
    Enable(UserActionArgs),
    /// Make a user an operator
    #[command(before_help = "Example: hearth users promote bob", help_template = HELP_TEMPLATE)]
    Promote(UserActionArgs),
    /// Make an operator a user without special rights
    #[command(before_help = "Example: hearth users demote bob", help_template = HELP_TEMPLATE)]
    Demote(UserActionArgs),
    /// Create a code with which a user sets a new password
    #[command(before_help = "Example: hearth users recover bob", help_template = HELP_TEMPLATE)]
    Recover(UserActionArgs),
}

/// The arguments of commands that act on one user.
#[derive(Debug, clap::Args)]
pub struct UserActionArgs {
    /// The user
    user: UserName,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Runs the command.
pub async fn run(cx: &CommandContext, command: UserCommand) -> Result<()> {
    match command {
        UserCommand::List => list::run(cx).await,
        UserCommand::Disable(args) => change::run(cx, args, change::UserChange::Disable).await,
        UserCommand::Enable(args) => change::run(cx, args, change::UserChange::Enable).await,
        UserCommand::Promote(args) => change::run(cx, args, change::UserChange::Promote).await,
        UserCommand::Demote(args) => change::run(cx, args, change::UserChange::Demote).await,
        UserCommand::Recover(args) => recover::run(cx, args).await,
    }
}

/// Explains the state after Ctrl-C.
pub fn explain_interrupt(command: &UserCommand) -> &'static str {
    match command {
        UserCommand::List => "nothing was changed",
        UserCommand::Recover(_) => "a code may exist that was not shown; the same command replaces it",
        _ => "the change may be done already; hearth users list shows it",
    }
}
