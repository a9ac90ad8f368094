//! `hearth notify email [ADDRESS]`: shows or changes your mail address, which other users cannot see.

use hearth_base::{EmailAddress, Result};
use hearth_wire::accounts::MailAddress;

use crate::{context::CommandContext, flags::DryRun};

/// The arguments of `hearth notify email`.
#[derive(Debug, clap::Args)]
pub struct SetEmailArgs {
    /// The new address; default: show the current one
    #[arg(conflicts_with = "remove")]
    address: Option<EmailAddress>,
    /// Remove the address: no mail to you
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Shows or changes the address.
pub async fn run(cx: &CommandContext, args: SetEmailArgs) -> Result<()> {
    let result = cx.printer.open_output::<MailAddress>()?;
    let SetEmailArgs { address, remove, dry_run } = args;
    let session = cx.open_session()?;
    let current = session.send(session.client.accounts().show_email()).await?;
    let shown = |address: &Option<EmailAddress>| {
        address.as_ref().map_or_else(|| "no address".to_owned(), ToString::to_string)
    };
    if address.is_none() && !remove {
        result.print_sentence(&current, &shown(&current.address))?;
        if current.address.is_none() {
            cx.printer.print_next("hearth notify email ADDRESS");
        }
        return Ok(());
    }
    let put = MailAddress { address };
    if put == current {
        return result.print_sentence(&current, &format!("nothing to change: {}", shown(&current.address)));
    }
    let goes = match &put.address {
        Some(address) => format!("mail to you goes to {address}"),
        None => "no mail goes to you".to_owned(),
    };
    if dry_run.dry_run {
        return result.print_sentence(&current, &format!("would change the address: {goes}"));
    }
    let changed = session.send(session.client.accounts().update_email(&put)).await?;
    result.print_done(&changed, &format!("{goes} (was {})", shown(&current.address)))
}
