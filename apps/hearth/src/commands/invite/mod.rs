//! `hearth invite`: invites people to this Hearth, for operators.

mod list;
mod withdraw;

use hearth_base::Result;
use hearth_wire::accounts::{InvitationCreate, InvitationCreated};
use serde::{Deserialize, Serialize};

use crate::{
    context::CommandContext,
    flags::{DryRun, HELP_TEMPLATE},
    printer::{Cell, Table},
};

/// The arguments of `hearth invite`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct InviteArgs {
    /// For whom the code is, shown in the list of invitations
    #[arg(default_value = "", hide_default_value = true)]
    note: String,
    /// Make the invited person an operator
    #[arg(long)]
    operator: bool,
    #[command(flatten)]
    dry_run: DryRun,
    /// The subcommand; default: create a code.
    #[command(subcommand)]
    command: Option<InvitationCommand>,
}

/// Commands about invitations.
#[derive(Debug, clap::Subcommand)]
pub enum InvitationCommand {
    /// List the unused invitations
    #[command(before_help = "Example: hearth invite list", help_template = HELP_TEMPLATE)]
    List,
    /// Withdraw an unused invitation
    #[command(before_help = "Example: hearth invite withdraw token_00000000000000000000000001", help_template = HELP_TEMPLATE)]
    Withdraw(withdraw::WithdrawInvitationArgs),
}

/// The result of a dry run.
#[derive(Debug, Serialize, Deserialize)]
struct PlannedInvitation {
    note: String,
    operator: bool,
}

/// Creates a code, or runs the subcommand.
pub async fn run(cx: &CommandContext, args: InviteArgs) -> Result<()> {
    let InviteArgs { note, operator, dry_run, command } = args;
    match command {
        Some(InvitationCommand::List) => return list::run(cx).await,
        Some(InvitationCommand::Withdraw(args)) => return withdraw::run(cx, args).await,
        None => {}
    }
    let kind = if operator { "an operator" } else { "a person" };
    if dry_run.dry_run {
        let result = cx.printer.open_output::<PlannedInvitation>()?;
        let sentence = format!("would create a code that invites {kind}");
        return result.print_sentence(&PlannedInvitation { note, operator }, &sentence);
    }
    let result = cx.printer.open_output::<InvitationCreated>()?;
    let session = cx.open_session()?;
    let create = InvitationCreate { operator, note };
    let made = session.send(session.client.accounts().create_invitation(&create)).await?;
    let rows = Table::from_pairs([
        ("code", Cell::from(made.code.expose_secret())),
        ("invites", Cell::from(kind)),
        ("expires", Cell::from(made.invitation.expires)),
    ]);
    result.print_record(&made, &rows)?;
    cx.printer.print_note("The code is shown only once and works once. The invited person runs:");
    cx.printer.print_next(&format!("hearth login {} --code-stdin", session.server));
    Ok(())
}

/// Explains the state after Ctrl-C.
pub fn explain_interrupt(args: &InviteArgs) -> &'static str {
    match args.command {
        Some(InvitationCommand::List) => "nothing was changed",
        _ => "the change may be done already; hearth invite list shows it",
    }
}
