//! `hearth notify email [ADDRESS]`: where mail to you goes. Nobody else sees it.

use hearth_base::{EmailAddress, Result};
use hearth_wire::accounts::Email;

use crate::{context::Context, flags::DryRun};

/// What `hearth notify email` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The address from now on; absent: the one that is known is shown
    #[arg(conflicts_with = "remove")]
    address: Option<EmailAddress>,
    /// Forget the address: no mail to you
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Shows or changes it.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Email>()?;
    let Args { address, remove, dry_run } = args;
    let session = cx.session()?;
    let known = session.ask(session.client.accounts().email()).await?;
    let shown = |address: &Option<EmailAddress>| {
        address.as_ref().map_or_else(|| "no address".to_owned(), ToString::to_string)
    };
    if address.is_none() && !remove {
        answer.said(&known, &shown(&known.address))?;
        if known.address.is_none() {
            cx.printer.next("hearth notify email ADDRESS");
        }
        return Ok(());
    }
    let put = Email { address };
    if put == known {
        return answer.said(&known, &format!("nothing to change: {}", shown(&known.address)));
    }
    let goes = match &put.address {
        Some(address) => format!("mail to you goes to {address}"),
        None => "no mail goes to you".to_owned(),
    };
    if dry_run.dry_run {
        return answer.said(&known, &format!("it would be so that {goes}"));
    }
    let changed = session.ask(session.client.accounts().email_put(&put)).await?;
    answer.done(&changed, &format!("{goes} (was {})", shown(&known.address)))
}
