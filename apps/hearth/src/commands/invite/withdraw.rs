//! `hearth invite withdraw ID`.

use hearth_base::{Result, TokenId};
use serde::{Deserialize, Serialize};

use crate::{context::CommandContext, flags::DryRun};

/// The arguments of `hearth invite withdraw`.
#[derive(Debug, clap::Args)]
pub struct WithdrawInvitationArgs {
    /// The invitation's id, as hearth invite list shows it
    id: TokenId,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The result.
#[derive(Debug, Serialize, Deserialize)]
struct WithdrawnInvitation {
    id: TokenId,
    withdrawn: bool,
}

/// Withdraws the invitation.
pub async fn run(cx: &CommandContext, args: WithdrawInvitationArgs) -> Result<()> {
    let result = cx.printer.open_output::<WithdrawnInvitation>()?;
    let WithdrawInvitationArgs { id, dry_run } = args;
    if dry_run.dry_run {
        let sentence = format!("would withdraw the invitation {id}");
        return result.print_sentence(&WithdrawnInvitation { id, withdrawn: false }, &sentence);
    }
    let session = cx.open_session()?;
    session.send(session.client.accounts().withdraw_invitation(id)).await?;
    result.print_done(
        &WithdrawnInvitation { id, withdrawn: true },
        &format!("the invitation {id} is withdrawn"),
    )
}
