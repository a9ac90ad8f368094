//! `hearth password`: changes your password, or sets a new one with a recovery code.

use hearth_base::{Result, Secret, UserName};
use hearth_wire::accounts::{PasswordChange, PasswordReset, RecoveryMailRequest};
use serde::{Deserialize, Serialize};

use crate::{context::CommandContext, flags::DryRun, new_password, prompter};

/// The arguments of `hearth password`.
#[derive(Debug, clap::Args)]
pub struct ChangePasswordArgs {
    /// Set a new password with a recovery code, without the old one
    #[arg(long, value_name = "CODE")]
    code: Option<String>,
    /// Read that code from standard input; other users of this machine can see the arguments of a command
    #[arg(long, conflicts_with = "code")]
    code_stdin: bool,
    /// Mail a recovery code to this user, if a confirmed address is known
    #[arg(long, value_name = "NAME", conflicts_with_all = ["code", "code_stdin"])]
    forgot: Option<UserName>,
    /// Read the passwords from standard input: the old one and the new one, or with a code the new one
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The result.
#[derive(Debug, Serialize, Deserialize)]
struct ChangedPassword {
    user: Option<String>,
    changed: bool,
}

/// Changes the password.
pub async fn run(cx: &CommandContext, args: ChangePasswordArgs) -> Result<()> {
    let result = cx.printer.open_output::<ChangedPassword>()?;
    let ChangePasswordArgs { code, code_stdin, forgot, password_stdin, dry_run } = args;
    let unchanged = |user: Option<String>| ChangedPassword { user, changed: false };
    if let Some(name) = forgot {
        if dry_run.dry_run {
            return result.print_sentence(&unchanged(None), &format!("would mail a recovery code to {name}"));
        }
        let session = cx.open_anonymous_session(cx.settings.resolve_server()?.value)?;
        let request = RecoveryMailRequest { name: name.clone() };
        session.send(session.client.accounts().request_recovery_mail(&request)).await?;
        let sentence = format!("if {name} has a confirmed mail address, a code is on its way to it");
        result.print_done(&unchanged(Some(name.to_string())), &sentence)?;
        cx.printer.print_next("hearth password --code-stdin");
        return Ok(());
    }
    if dry_run.dry_run {
        return result.print_sentence(&unchanged(None), "would change the password and end other sessions");
    }
    let code = match code {
        None if code_stdin => Some(prompter::read_secret_from_stdin("--code-stdin").await?),
        code => code.map(Secret::new),
    };
    let Some(code) = code else {
        change_password(cx, password_stdin).await?;
        let sentence = "your password is changed; your other sessions have ended, tokens stay valid";
        return result.print_done(&ChangedPassword { user: None, changed: true }, sentence);
    };
    let session = cx.open_anonymous_session(cx.settings.resolve_server()?.value)?;
    let command = "hearth password --code-stdin --password-stdin";
    let password = ask_password(cx, command, password_stdin).await?;
    let reset = PasswordReset { code, password };
    let user = session.send(session.client.accounts().reset_password(&reset)).await?.name;
    let changed = ChangedPassword { user: Some(user.to_string()), changed: true };
    let sentence = format!("{user} has a new password; all sessions and personal tokens have ended");
    result.print_done(&changed, &sentence)?;
    cx.printer.print_note(
        "Tokens of tools stay valid, and so does the mail address: look at hearth token list and hearth notify email.",
    );
    cx.printer.print_next(&format!("hearth login --name {user}"));
    Ok(())
}

/// Changes the password of the signed-in user, who enters the current one.
async fn change_password(cx: &CommandContext, password_stdin: bool) -> Result<()> {
    let session = cx.open_session()?;
    let command = "hearth password --password-stdin";
    let current = match password_stdin {
        true => prompter::read_secret_from_stdin("--password-stdin").await?,
        false => cx.prompter.ask_secret("Current password: ", "the password (--password-stdin)", command)?,
    };
    let new = ask_password(cx, command, password_stdin).await?;
    let change = PasswordChange { current, new };
    session.send(session.client.accounts().change_password(&change)).await.map(drop)
}

async fn ask_password(cx: &CommandContext, command: &str, from_input: bool) -> Result<Secret> {
    match from_input {
        true => prompter::read_secret_from_stdin("--password-stdin").await,
        false => new_password::ask_new_password(cx, "the password (--password-stdin)", command),
    }
}
