//! `hearth notify email [ADDRESS]`: shows or changes your mail address, which other users cannot see.

use hearth_base::{EmailAddress, Result, Secret};
use hearth_client::Client;
use hearth_wire::accounts::{MailAddress, MailAddressChange, MailAddressConfirmation};

use crate::{
    context::CommandContext,
    flags::DryRun,
    password_session::{self, PasswordSource},
    prompter,
    session::Session,
};

/// The arguments of `hearth notify email`.
#[derive(Debug, clap::Args)]
pub struct SetEmailArgs {
    /// The new address; default: show the current one
    #[arg(conflicts_with_all = ["remove", "code", "code_stdin"])]
    address: Option<EmailAddress>,
    /// Confirm the new address with the code that was mailed to it
    #[arg(long, value_name = "CODE", conflicts_with = "remove")]
    code: Option<String>,
    /// Read that code from standard input; other users of this machine can see the arguments of a command
    #[arg(long, conflicts_with_all = ["code", "remove"])]
    code_stdin: bool,
    /// Remove the address: no mail to you
    #[arg(long)]
    remove: bool,
    /// Read your password from standard input; a change of the address asks for it
    #[arg(long, conflicts_with_all = ["code", "code_stdin"])]
    password_stdin: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Shows or changes the address.
pub async fn run(cx: &CommandContext, args: SetEmailArgs) -> Result<()> {
    let result = cx.printer.open_output::<MailAddress>()?;
    let SetEmailArgs { address, code, code_stdin, remove, password_stdin, dry_run } = args;
    let session = cx.open_session()?;
    let current = session.send(session.client.accounts().show_email()).await?;
    if code_stdin || code.is_some() {
        if dry_run.dry_run {
            return result.print_sentence(&current, "would confirm the new address with the code");
        }
        let confirmed = confirm_address(&session, code).await?;
        let sentence = format!("mail to you goes to {}", describe_address(confirmed.address.as_ref()));
        return result.print_done(&confirmed, &sentence);
    }
    let shown = describe_address(current.address.as_ref());
    if address.is_none() && !remove {
        result.print_sentence(&current, &shown)?;
        match &current.pending {
            Some(pending) => {
                cx.printer.print_note(&format!("{pending} waits for the code that was mailed to it"));
                cx.printer.print_next(CONFIRM_COMMAND);
            }
            None if current.address.is_none() => cx.printer.print_next("hearth notify email ADDRESS"),
            None => {}
        }
        return Ok(());
    }
    if address == current.address && current.pending.is_none() {
        return result.print_sentence(&current, &format!("nothing to change: {shown}"));
    }
    let goes = match &address {
        Some(address) => format!("mail to you goes to {address}"),
        None => "no mail goes to you".to_owned(),
    };
    if dry_run.dry_run {
        return result.print_sentence(&current, &format!("would change the address: {goes}"));
    }
    let changed = change_address(cx, address, password_stdin).await?;
    if let Some(pending) = &changed.pending {
        result.print_done(&changed, &format!("a code is on its way to {pending}"))?;
        cx.printer.print_next(CONFIRM_COMMAND);
        return Ok(());
    }
    result.print_done(&changed, &format!("{goes} (was {shown})"))
}

/// The command that confirms a new address.
const CONFIRM_COMMAND: &str = "hearth notify email --code-stdin";

fn describe_address(address: Option<&EmailAddress>) -> String {
    address.map_or_else(|| "no address".to_owned(), ToString::to_string)
}

/// Confirms the pending address, with the code of the command line or of standard input.
async fn confirm_address(session: &Session<'_>, code: Option<String>) -> Result<MailAddress> {
    let code = match code {
        Some(code) => Secret::new(code),
        None => prompter::read_secret_from_stdin("--code-stdin").await?,
    };
    let confirmation = MailAddressConfirmation { code };
    session.send(session.client.accounts().confirm_email(&confirmation)).await
}

/// Sets or removes the address. Recovery mails go there, so the saved token is not enough: the user enters the password.
async fn change_address(
    cx: &CommandContext,
    address: Option<EmailAddress>,
    password_stdin: bool,
) -> Result<MailAddress> {
    let command = match address {
        Some(_) => "hearth notify email ADDRESS --password-stdin",
        None => "hearth notify email --remove --password-stdin",
    };
    let source = PasswordSource { is_stdin: password_stdin, command };
    let call = async |client: Client, password: Secret| {
        let change = MailAddressChange { address, password: Some(password) };
        client.accounts().update_email(&change).await
    };
    password_session::send_with_password(cx, &source, call).await
}
