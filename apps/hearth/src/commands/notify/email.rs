//! `hearth notify email [ADDRESS]`: shows or changes your mail address, which other users cannot see.

use hearth_base::{EmailAddress, Result, Secret};
use hearth_wire::accounts::{MailAddress, MailAddressConfirmation};

use crate::{context::CommandContext, flags::DryRun};

/// The arguments of `hearth notify email`.
#[derive(Debug, clap::Args)]
pub struct SetEmailArgs {
    /// The new address; default: show the current one
    #[arg(conflicts_with_all = ["remove", "code"])]
    address: Option<EmailAddress>,
    /// Confirm the new address with the code that was mailed to it
    #[arg(long, value_name = "CODE", conflicts_with = "remove")]
    code: Option<String>,
    /// Remove the address: no mail to you
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Shows or changes the address.
pub async fn run(cx: &CommandContext, args: SetEmailArgs) -> Result<()> {
    let result = cx.printer.open_output::<MailAddress>()?;
    let SetEmailArgs { address, code, remove, dry_run } = args;
    let session = cx.open_session()?;
    let current = session.send(session.client.accounts().show_email()).await?;
    let shown = |address: &Option<EmailAddress>| {
        address.as_ref().map_or_else(|| "no address".to_owned(), ToString::to_string)
    };
    if let Some(code) = code {
        if dry_run.dry_run {
            return result.print_sentence(&current, "would confirm the new address with the code");
        }
        let confirmation = MailAddressConfirmation { code: Secret::new(code) };
        let confirmed = session.send(session.client.accounts().confirm_email(&confirmation)).await?;
        let sentence = format!("mail to you goes to {}", shown(&confirmed.address));
        return result.print_done(&confirmed, &sentence);
    }
    if address.is_none() && !remove {
        result.print_sentence(&current, &shown(&current.address))?;
        match &current.pending {
            Some(pending) => {
                cx.printer.print_note(&format!("{pending} waits for the code that was mailed to it"));
                cx.printer.print_next("hearth notify email --code CODE");
            }
            None if current.address.is_none() => cx.printer.print_next("hearth notify email ADDRESS"),
            None => {}
        }
        return Ok(());
    }
    let put = MailAddress { address, pending: None };
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
    if let Some(pending) = &changed.pending {
        result.print_done(&changed, &format!("a code is on its way to {pending}"))?;
        cx.printer.print_next("hearth notify email --code CODE");
        return Ok(());
    }
    result.print_done(&changed, &format!("{goes} (was {})", shown(&current.address)))
}
